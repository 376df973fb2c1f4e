"""A user's mistake ends in one readable sentence with a remedy; ``debug=true`` shows where it was.

Hydra's own messages about a command line are said again in our words.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from sophia.cli.command_line.other_choices import of_another_choice
from sophia.cli.command_line.suggestions import dotted_keys, key_hint, nearest
from sophia.cli.command_line.thinking import no_judge_for
from sophia.failures import Interrupted, RunStopped

log = logging.getLogger(__name__)

_INTERRUPTED = 130  # 128 + SIGINT, as shells have it
_DISK_IS_FULL = (
    ". Make room on that disk, then start again; a run that has begun goes on with"
    " run_dir=FOLDER resume=true."
)

_KEY = re.compile(r"Could not (?:override|delete from config\.?) '?([\w./@]+)'?")
_CHOICES_OF_OTHERS = {
    "hf": "transformers", "openai": "http", "exp": "exponential", "tb": "tensorboard",
    "deepspeed": "fsdp", "zero3": "fsdp", "peft": "default", "off": "none", "null": "none",
    "reinforce_plus_plus": "reinforce_pp", "reinforce++": "reinforce_pp", "drgrpo": "dr_grpo",
    "reinforce_plus_plus_baseline": "reinforce_pp_baseline", "geo_mean": "gmpo",
    "vanilla": "clipped", "ppo": "clipped",
}  # fmt: skip
_SETTINGS_OF_A_FILE = {
    "model": "model.path=",
    "data": "data=rows data.train.sources.files=",
    "judge": "judge=http judge.url=",
}
_GROUPS_ALONE = ("experiment", "reward_terms")
"""Groups of a run that are no keys of its configuration."""
_AMBIGUOUS = re.compile(r"Ambiguous value for argument '(.+?)'")


@contextlib.contextmanager
def readable_errors(*, debug: bool) -> Iterator[None]:
    """Turn ValueError, OSError and RunStopped into a message and exit status 1; Ctrl-C is 130."""
    try:
        yield
    except KeyboardInterrupt:
        if debug:
            raise
        log.error("interrupted.")
        sys.exit(_INTERRUPTED)
    except SystemExit as error:
        if error.code == _INTERRUPTED or not isinstance(error.__context__, KeyboardInterrupt):
            raise
        log.error("interrupted.")  # in a fit, where Lightning exits with 1
        sys.exit(_INTERRUPTED)
    except (ValueError, OSError, RunStopped) as error:
        if debug:
            raise
        if not logging.getLogger().handlers:  # Hydra has not come to set up any
            logging.basicConfig(format="%(message)s", stream=sys.stdout)
        interrupted = isinstance(error, Interrupted) or isinstance(error.__cause__, Interrupted)
        full = isinstance(error, OSError) and error.errno == errno.ENOSPC
        log.error("%s%s%s", "" if interrupted else "error: ", error, _DISK_IS_FULL if full else "")
        sys.exit(_INTERRUPTED if interrupted else 1)


def explained(
    error: HydraException | OmegaConfBaseException,
    *,
    configs: Path,
    config_name: str,
    arguments: Sequence[str],
) -> ValueError:
    """What Hydra says about a command line or a configuration, as a ValueError in our words."""
    text = str(error)
    if isinstance(error, OverrideParseException):
        return ValueError(
            f"{error.override!r} cannot be read; write key=value, and quote a value with spaces,"
            " commas or brackets: 'key=\"a, b\"'."
        )
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        options = list(error.options or _shipped_choices(error.missing_cfg_file, configs))
        if options:
            return ValueError(_no_such_choice(error.missing_cfg_file, options, configs))
    if match := _AMBIGUOUS.search(text):
        return ValueError(
            f"{match[1]} has several values; quote it to mean one value, or add -m for a sweep."
        )
    if match := _KEY.search(text):
        return ValueError(_no_such_key(match[1], configs, config_name, arguments))
    return ValueError(" ".join(line.strip() for line in text.splitlines() if line.strip()))


def _no_such_choice(missing: str, options: list[str], configs: Path) -> str:
    group, name = _group_and_choice(missing, configs)
    ours = _CHOICES_OF_OTHERS.get(name.lower(), "")
    close = ours if ours in options else nearest(name, options)
    hint = f"did you mean {close!r}? " if close else ""
    known = f"known are {', '.join(sorted(options))}."
    if group in _SETTINGS_OF_A_FILE and ("/" in name or "." in name):
        known = f"to use {name}, write {_SETTINGS_OF_A_FILE[group]}{name}; {known}"
    elif not close:
        known += f" One of your own, FOLDER/{group}/{name}.yaml, is found with --config-dir FOLDER."
    return f"there is no {group} {name!r}; {hint}{known}"


def _shipped_choices(missing: str, configs: Path) -> list[str]:
    """The choices of a group, which Hydra does not name where several may be chosen."""
    group, _ = _group_and_choice(missing, configs)
    return [path.stem for path in (configs / group).glob("*.yaml")] if group else []


def _group_and_choice(missing: str, configs: Path) -> tuple[str, str]:
    """Where a choice that does not exist was looked for, and its name, which may hold slashes."""
    parts = missing.split("/")
    depth = len(parts) - 1
    while depth > 1 and not configs.joinpath(*parts[:depth]).is_dir():
        depth -= 1
    return "/".join(parts[:depth]), "/".join(parts[depth:])


def _is_choice_of_ours(argument: str, configs: Path) -> bool:
    """Whether it chooses files of ``configs``: others lie in folders that may be gone by now."""
    group, _, chosen = argument.partition("=")
    names = [name.strip() for name in chosen.strip("[]").split(",")]
    return all(name and (configs / group / f"{name}.yaml").is_file() for name in names)


def _no_such_key(key: str, configs: Path, config_name: str, arguments: Sequence[str]) -> str:
    chosen = [a for a in arguments if _is_choice_of_ours(a, configs)]
    with initialize_config_dir(version_base="1.3", config_dir=str(configs)):
        try:
            cfg = compose(config_name, overrides=chosen)
        except HydraException:  # one of them is no group of this command
            cfg = compose(config_name)
    plain = OmegaConf.to_container(cfg, resolve=False)
    if key.startswith("annealing.") and not cfg.get("annealing"):
        return str(no_judge_for(key))
    if key.startswith("judge_prompt@"):
        return "judge_prompt is what a served judge is asked; there is none: say judge=http too."
    if (term := _term_not_chosen(key, configs, plain)) is not None:
        return f"unknown key {key}; there is no such term unless you say reward_terms=[{term}]."
    node = OmegaConf.select(cfg, key.rpartition(".")[0]) if "." in key else None
    if isinstance(node, DictConfig) and "_target_" in node:
        taken = [str(k) for k in node]
        if other := of_another_choice(key, target=node["_target_"], taken=taken, configs=configs):
            return f"unknown key {key}; {other}."
    known = sorted({*dotted_keys("", plain), *(_GROUPS_ALONE if "algorithm" in cfg else ())})
    near = [k for k in known if k.rpartition(".")[0] == key.rpartition(".")[0] and "._" not in k]
    roots = [k for k in known if "." not in k]
    value = next((a.partition("=")[2] for a in arguments if a.partition("=")[0] == key), "")
    hint = key_hint(key, known, value=value) or f"known are {', '.join(near or roots)}."
    return f"unknown key {key}; {hint}"


def _term_not_chosen(key: str, configs: Path, cfg: Any) -> str | None:
    """The shipped reward term that a key is about, where the configuration is without it."""
    match = re.match(r"reward\.extra\.(\w+)", key)
    if match is None or match[1] in (cfg.get("reward") or {}).get("extra", {}):
        return None
    return match[1] if (configs / "reward_terms" / f"{match[1]}.yaml").is_file() else None
