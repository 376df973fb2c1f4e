"""A command line as Hydra takes it, where people write it otherwise."""

from __future__ import annotations

from collections.abc import Sequence

from sophia.cli.commands import CONFIGS


def spelled(arguments: Sequence[str]) -> list[str]:
    """The arguments, with ``GROUP=null`` as ``GROUP=none`` where a group has that choice.

    Hydra cannot choose null in a group: it wants the name of a file.
    """
    return [_choice(argument) for argument in arguments]


def _choice(argument: str) -> str:
    group, _, value = argument.partition("=")
    if value == "null" and (CONFIGS / group / "none.yaml").is_file():
        return f"{group}=none"
    return argument
