"""What a command can be told: its groups with their choices, and its keys.

Hydra's own help prints the whole composition and takes twice as long as composing it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from sophia.cli.commands import COMMANDS, CONFIGS, Command

_HYDRAS_OWN = "hydra"


def help_text(command: Command) -> str:
    """How it is called, its groups with all choices (the default first), and its root keys."""
    script = command.script
    called = f"python {script.name}" if script else f"python -m sophia {command.name}"
    groups = dict(_groups(command.config))
    width = max(map(len, groups), default=0)
    chosen = "\n".join(f"  {name:{width}}  {choices}" for name, choices in groups.items())
    keys = ", ".join(sorted(set(_keys(command.config)) - set(groups)))
    return (
        f"{called} [GROUP=CHOICE ...] [KEY=VALUE ...]: {command.about}\n\n"
        + (f"groups, the default first:\n{chosen}\n\n" if groups else "")
        + f"keys: {keys}\n\n"
        f"{called} --cfg job   prints every key with its value\n"
        f"{called} --hydra-help   is about flags such as --cfg and -m"
    )


def _groups(config: str) -> Iterator[tuple[str, str]]:
    for entry in _load(config).get("defaults", []):
        if isinstance(entry, str):
            if entry in COMMANDS:  # check and plan begin with the configuration of a run
                yield from _groups(entry)
            continue
        (name, chosen), *_ = entry.items()
        if _HYDRAS_OWN not in name:
            yield name, ", ".join(_choices(CONFIGS / name, str(chosen)))


def _choices(folder: Path, default: str) -> list[str]:
    found = sorted(path.stem for path in folder.glob("*.yaml"))
    return sorted(found, key=lambda name: name != default)


def _keys(config: str) -> Iterator[str]:
    loaded = _load(config)
    yield from (str(key) for key in loaded if key != "defaults")
    for entry in loaded.get("defaults", []):
        if isinstance(entry, str) and entry in COMMANDS:
            yield from _keys(entry)


def _load(config: str) -> DictConfig:
    loaded = OmegaConf.load(CONFIGS / f"{config}.yaml")
    assert isinstance(loaded, DictConfig)
    return loaded
