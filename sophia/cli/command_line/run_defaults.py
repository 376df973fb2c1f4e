"""A policy is asked and graded as its run did it: the run's settings are the defaults."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import OmegaConf

from sophia.cli.command_line.arguments import PLACED
from sophia.cli.command_line.portable import ASKED, LENGTH, SETTINGS_FILE, shared_settings
from sophia.run.folder import RunFolder, run_around
from sophia.run.later import with_later

_CHOICE = "of_run"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """Where the settings of a run were found, and those that say how it asks."""

    path: Path
    settings: dict[str, Any]


@contextmanager
def asked_as_in_training(arguments: Sequence[str], keys: Collection[str]) -> Iterator[list[str]]:
    """The command line, with the settings of the run that ``ckpt`` is of as group choices.

    It lies in the folder of the run, or is an export that brings them (``portable``, beside this).
    They stand before the keys that were typed, and a group that was chosen by name is left alone,
    so what was typed wins. Flags come first. Without such settings nothing is added. ``keys`` are
    the command's root keys: settings that it does not have are left out.

    Raises:
        ValueError: ``ckpt`` names policies of runs that asked other questions.
    """
    flags = [a for a in arguments if a.startswith("-")]
    words = [a for a in arguments if not a.startswith("-")]
    typed = {o.key_or_group: o for o in OverridesParser.create().parse_overrides(words)}
    runs = [run for ckpt in _ckpts(typed.get("ckpt")) if (run := _run_of(ckpt)) is not None]
    if not runs:
        yield list(arguments)
        return
    settings = {
        name: value
        for name, value in _common_settings(runs, typed).items()
        if name not in typed and name.partition(".")[0] in keys
    }
    with tempfile.TemporaryDirectory() as folder:
        added = [f"hydra.searchpath=[file://{folder}]"]
        for name, value in settings.items():
            if name == LENGTH:
                added.append(f"{name}={value}")
                continue
            if not value:
                added.append(f"{name}=none")
                continue
            _write_choice(Path(folder), name, value)
            added.append(f"{name}={_CHOICE}")
        if settings:
            _say(f"{', '.join(settings)} as in {runs[0].path}; key=value on the command line wins")
        yield [*flags, *added, *words]


def _write_choice(folder: Path, group: str, value: Mapping[str, Any]) -> None:
    """The choice of a group; a group that is placed within stays one that can be chosen."""
    node, defaults = dict(value), []
    for placed, place in PLACED.items():
        root, _, key = place.partition(".")
        if root == group and isinstance(node.get(key), dict):
            _write_choice(folder, placed, node.pop(key))
            defaults.append({f"/{placed}@{key}": _CHOICE})
    if defaults:
        node = {"defaults": [*defaults, "_self_"], **node}
    path = folder / group / f"{_CHOICE}.yaml"
    path.parent.mkdir()
    path.write_text(OmegaConf.to_yaml(OmegaConf.create(node)))


def _ckpts(override: Override | None) -> list[Path]:
    value = None if override is None else override.value()
    if value is None:
        return []
    return [Path(str(v)) for v in value] if isinstance(value, list) else [Path(str(value))]


def _common_settings(runs: Sequence[_Run], typed: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of the first run, if the others would ask the same questions."""
    first, *others = (run.settings for run in runs)
    for run, other in zip(runs[1:], others, strict=True):
        for name in (*ASKED, LENGTH):
            if name not in typed and _asked(name, first) != _asked(name, other):
                raise ValueError(
                    f"the runs {runs[0].path} and {run.path} differ in {name}; say which by"
                    f" {name}=... on the command line, or evaluate them one by one."
                )
    return dict(first)


def _run_of(ckpt: Path) -> _Run | None:
    run = run_around(ckpt)
    if run is not None:
        return _Run(path=run.path, settings=_settings(run))
    shared = ckpt / SETTINGS_FILE
    if not shared.is_file():
        return None
    return _Run(path=ckpt, settings=shared_settings(shared))


def _settings(run: RunFolder) -> dict[str, Any]:
    config = OmegaConf.to_container(OmegaConf.load(run.config), resolve=False)
    assert isinstance(config, dict)
    settings = with_later({name: config[name] for name in ASKED if name in config})
    length = config.get("sampling", {}).get("max_new_tokens")
    return settings if length is None else {**settings, LENGTH: length}


def _asked(name: str, settings: Mapping[str, Any]) -> Any:
    """The part of a setting that decides an evaluation: held-out data, and rules of grading."""
    value = settings.get(name)
    if name == "reward" and value is not None:
        return [value.get(part) for part in ("outcome", "format")]
    if name != "data" or value is None:
        return value
    return OmegaConf.to_container(
        OmegaConf.create({"seed": 0, "data": value}).data.heldout, resolve=True
    )


def _say(line: str) -> None:
    from rich.console import Console  # not for --help

    Console().print(line, highlight=False, soft_wrap=True)
