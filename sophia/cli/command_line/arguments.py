"""A command line as Hydra takes it, where people write it otherwise."""

from __future__ import annotations

from collections.abc import Sequence

from sophia.cli.commands import CONFIGS

_WITH_VALUE = {
    "--config-dir": "--config-dir", "-cd": "--config-dir",
    "--config-name": "--config-name", "-cn": "--config-name",
    "--config-path": "--config-path", "-cp": "--config-path",
    "--package": "--package", "-p": "--package",
    "--cfg": "--cfg", "-c": "--cfg",
}  # fmt: skip
"""Flags of Hydra that take the next argument, by their whole name."""


def spelled(arguments: Sequence[str]) -> list[str]:
    """The arguments, flags first and each one word (``--config-dir=FOLDER``), and ``GROUP=null``
    as ``GROUP=none`` where a group has that choice; ``judge_prompt=`` is put where the judge is.

    Hydra takes no ``key=value`` on both sides of a flag, and cannot choose null in a group: it
    wants the name of a file.
    """
    flags: list[str] = []
    words: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        if (flag := _WITH_VALUE.get(argument)) and (value := next(rest, None)) is not None:
            flags.append(f"{flag}={value}")
        elif argument.startswith("-"):
            flags.append(argument)
        else:
            words.append(_choice(argument))
    return [*flags, *words]


def quoted(value: str) -> str:
    """A value as Hydra's command line takes it, whatever characters are in it."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


PLACED = {"judge_prompt": "judge.prompt"}
"""The node in which a group stands that is not named after it."""


def _choice(argument: str) -> str:
    group, _, value = argument.partition("=")
    if group in PLACED:
        return f"{group}@{PLACED[group]}={value}"
    if value == "null" and (CONFIGS / group / "none.yaml").is_file():
        return f"{group}=none"
    return argument
