"""Where a sweep lives: a folder that the same sweep finds again, one sub-folder per job."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser

from sophia.cli.command_line.arguments import quoted

_NOT_SETTINGS = ("run_dir", "resume", "debug", "cache_dir", "sweep_dir")
"""Keys that say where and how, not what: sweeps that differ in these alone are the same."""

_FLAGS = {"-m", "--multirun"}


def is_sweep(arguments: Sequence[str]) -> bool:
    """Whether the command line asks for a sweep."""
    return bool(_FLAGS & set(arguments))


def sweep_arguments(arguments: Sequence[str]) -> list[str]:
    """The command line with its folders filled in.

    ``sweep_dir=PATH`` names the folder. Without it the folder is a hash of the fixed settings and
    of the swept *keys*, so that the same sweep, or the same with more values, finds what it has
    already finished. A job's folder is named by its swept values.
    """
    flags = [a for a in arguments if a.startswith("-")]
    words = [a for a in arguments if not a.startswith("-")]
    folder = next((a.partition("=")[2] for a in words if a.startswith("sweep_dir=")), None)
    words = [a for a in words if not a.startswith("sweep_dir=")]
    last = {o.key_or_group: o for o in OverridesParser.create().parse_overrides(words)}
    parsed = list(last.values())  # a key given twice: the later one is what counts
    words = [str(o.input_line) for o in parsed]
    own = [o for o in parsed if not o.key_or_group.startswith("hydra")]
    fixed = [o for o in own if not o.is_sweep_override()]
    swept = sorted(o.key_or_group for o in own if o.is_sweep_override())
    settings = sorted(str(o.input_line) for o in fixed if o.key_or_group not in _NOT_SETTINGS)
    digest = hashlib.sha256("\n".join([*settings, *swept]).encode()).hexdigest()[:10]
    folder = folder or f"outputs/${{name}}/sweeps/{digest}"
    excluded = ",".join(sorted({o.key_or_group for o in fixed}))
    return [
        *flags,
        *words,
        f"hydra.sweep.dir={quoted(folder)}",
        f"hydra.job.config.override_dirname.exclude_keys=[{excluded}]",
    ]


def override_key(override: str) -> str:
    """The key that an override sets: ``a.b`` for ``+a.b=1``."""
    return override.lstrip("+~").partition("=")[0]


def job_folders(sweep_dir: Path) -> list[Path]:
    """The folders of a sweep that hold a run, finished or not, by name."""
    return sorted(path.parent for path in Path(sweep_dir).rglob("config.yaml"))
