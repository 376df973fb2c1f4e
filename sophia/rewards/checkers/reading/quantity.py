"""What an answer says in numbers, and whether two answers say the same."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

from sophia.rewards.checkers.reading.closed_form import Value, is_equal


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """A number, and what stood beside it."""

    value: Value
    percent: bool = False
    unit: str = ""
    """One name for all spellings ("meter^2"); "" without one."""
    nouns: frozenset[str] = frozenset()
    """What else was named behind the number: {"apple"} of "5 apples"."""
    name: str = ""
    """The variable or function that was said to have this value: "x", "sin(a)"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Several readings: coordinates in order, or without brackets a list, which is a set."""

    items: tuple[Quantity | Group, ...]
    brackets: str
    """"()", "[)", ...; "" of a list or a set."""


Reading = Quantity | Group


def agree(reading: Reading, gold: Reading, *, tolerance: float) -> bool:
    """Whether an answer says what the gold says; units, names and percent signs considered."""
    if isinstance(reading, Quantity) and isinstance(gold, Quantity):
        return _same_quantity(reading, gold, tolerance)
    if isinstance(reading, Quantity) or isinstance(gold, Quantity):
        return _is_set_of_one(reading, gold, tolerance) or _is_set_of_one(gold, reading, tolerance)
    if reading.brackets != gold.brackets:
        reading, gold = _as_point(reading), _as_point(gold)
    if reading.brackets != gold.brackets:
        return False
    if gold.brackets:
        return len(reading.items) == len(gold.items) and all(
            agree(*pair, tolerance=tolerance)
            for pair in zip(reading.items, gold.items, strict=True)
        )
    return all(
        any(agree(item, other, tolerance=tolerance) for other in gold.items)
        for item in reading.items
    ) and all(
        any(agree(other, item, tolerance=tolerance) for other in reading.items)
        for item in gold.items
    )


def _as_point(group: Group) -> Group:
    """The coordinates (6, 1) of "x = 6, y = 1"; any other group as it is."""
    items = sorted(
        (item for item in group.items if isinstance(item, Quantity)), key=lambda item: item.name
    )
    if group.brackets or [item.name for item in items] != ["x", "y", "z"][: len(group.items)]:
        return group
    return Group(items=tuple(replace(item, name="") for item in items), brackets="()")


def _is_set_of_one(several: Reading, one: Reading, tolerance: float) -> bool:
    """{5} answers as 5 does; but x = {5} says that x is a set."""
    members = several.items if isinstance(several, Group) and not several.brackets else ()
    names = [side.name for side in (*members, one) if isinstance(side, Quantity)]
    return len(members) == 1 and not any(names) and agree(one, members[0], tolerance=tolerance)


def _same_quantity(reading: Quantity, gold: Quantity, tolerance: float) -> bool:
    if reading.name and gold.name and reading.name != gold.name:
        return False
    return _are_of_one_kind(reading, gold) and any(
        is_equal(ours, theirs, tolerance=tolerance)
        for ours, theirs in percent_readings(reading, gold)
    )


def _are_of_one_kind(reading: Quantity, gold: Quantity) -> bool:
    """Whether what stands behind two numbers can be the same; behind one alone it is anything."""
    if reading.unit and gold.unit:
        return reading.unit == gold.unit
    if reading.percent != gold.percent and (reading.unit or gold.unit):
        return False
    if reading.nouns and gold.nouns:
        return reading.nouns <= gold.nouns or reading.nouns >= gold.nouns
    return not ((reading.unit or reading.nouns) and (gold.unit or gold.nouns))


def percent_readings(reading: Quantity, gold: Quantity) -> list[tuple[Value, Value]]:
    """What is to be equal: 50% is 0.5, and is 50 unless that other number is itself a share."""
    pair, hundredth = (reading.value, gold.value), Fraction(1, 100)
    if reading.percent == gold.percent:
        return [pair]
    if gold.percent:
        return [pair, (reading.value, gold.value.scaled(hundredth))]
    share = (reading.value.scaled(hundredth), gold.value)
    is_share = not gold.value.is_literal or abs(gold.value.number) < 1
    return [share] if is_share else [pair, share]
