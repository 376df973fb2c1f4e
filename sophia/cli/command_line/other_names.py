"""What keys of TRL, EasyR1 and verl are called here, as other_names.yaml has it."""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_TABLE = Path(__file__).with_suffix(".yaml")


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherName:
    """One of our keys, and what it is called elsewhere.

    Args:
        key: ours, dotted, as the command line takes it.
        trl: names in TRL and in transformers' trainer.
        verl: whole names in EasyR1 and verl.
        other: names in older versions of these and in other programs.
        needs: the choice of a group without which there is no such key; "" for a key that every
            run has.
        note: what else differs, such as the unit; no full stop.
        former: names that it had here.
        values: what a value of theirs, in lower case, is to be typed as here.
    """

    key: str
    trl: tuple[str, ...] = ()
    verl: tuple[str, ...] = ()
    other: tuple[str, ...] = ()
    needs: str = ""
    note: str = ""
    former: tuple[str, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def root(self) -> str:
        """The first part of our key."""
        return self.key.partition(".")[0]

    @property
    def names(self) -> tuple[str, ...]:
        """All names of it elsewhere and before."""
        return (*self.trl, *self.verl, *self.other, *self.former)


@functools.cache
def table() -> tuple[OtherName, ...]:
    """Every entry, in the order of the file."""
    from omegaconf import OmegaConf  # the list of commands has to do without

    loaded = OmegaConf.to_container(OmegaConf.load(_TABLE))
    assert isinstance(loaded, dict)
    return tuple(OtherName(key=str(key), **_fields(entry)) for key, entry in loaded.items())


def _fields(entry: dict[str, Any]) -> dict[str, Any]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in entry.items()}


def other_names() -> Collection[str]:
    """Every name of the table and every end of a dotted one."""
    return _by_name().keys()


def other_name(key: str) -> OtherName | None:
    """The entry that a key leads to by the longest of its ends that is a name; None without one."""
    known = _by_name()
    return next((known[end] for end in ends(key) if end in known), None)


def ends(key: str) -> list[str]:
    """``a.b.c``, ``b.c`` and ``c`` of ``a.b.c``."""
    parts = key.split(".")
    return [".".join(parts[begin:]) for begin in range(len(parts))]


@functools.cache
def _by_name() -> dict[str, OtherName]:
    """Whole names, then what they end in; of two that end alike the first in the table counts."""
    found = {name: entry for entry in table() for name in entry.names}
    for entry in table():
        for name in entry.names:
            for end in ends(name):
                found.setdefault(end, entry)
    return found
