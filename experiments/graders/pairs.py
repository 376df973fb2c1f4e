"""Pairs of a gold and an answer whose label follows from how they were made, not from a grader.

Every class first decides whether the pair shall be right, then writes the same value, or one that
is surely another, in the spellings that data sets and models use. What counts as right where
graders differ:

* units must agree when both sides carry one, without conversion (3 km is not 3000 m); when only
  one side has a unit, the bare value decides; so with nouns (5 apples), currencies and degrees;
* a magnitude is part of the number: 5 million is 5,000,000 and not 5;
* 50% is 50 and 0.5, but not 50 where the gold is a fraction or below 1;
* decimals are exact; a decimal agrees with a fraction or an irrational number in six significant
  digits (the right ones here have eight or more, the wrong ones are far off);
* an unevaluated expression is right; the last side of a chain of equations counts;
* a list is a set, a tuple has an order, and ``\\langle 4, 7 \\rangle`` is ``(4, 7)``;
* where the gold is one value, several values (in boxes, with "or", with "and") are wrong;
* scores and dates are texts, right only when equal up to blanks.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from experiments.graders.kinds import (
    choices,
    expressions,
    numbers,
    sentences,
    several,
    texts,
    units,
)
from experiments.graders.kinds.draw import Kind

KINDS: dict[str, Kind] = {
    **numbers.KINDS,
    **units.KINDS,
    **expressions.KINDS,
    **several.KINDS,
    **sentences.KINDS,
    **texts.KINDS,
    **choices.KINDS,
}
ONLY_WRONG = frozenset({"hedges"})
"""Classes without a right pair."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A gold, an answer to it and whether that is right."""

    kind: str
    """The name of the class."""
    problem_type: str
    gold: str
    answer: str
    """What stands inside the answer tag."""
    options: Mapping[str, str]
    """The text of each option by its letter; empty unless it is multiple choice."""
    right: bool


def pairs(count: int = 25_000, seed: int = 0) -> Iterator[Pair]:
    """As many pairs as asked for, the classes in turn and half of each right; equal by seed."""
    generator = random.Random(seed)
    kinds = list(KINDS)
    for index in range(count):
        kind = kinds[index % len(kinds)]
        right = index // len(kinds) % 2 == 0 and kind not in ONLY_WRONG
        draw = KINDS[kind](generator, right)
        yield Pair(
            kind=kind,
            problem_type=draw.problem_type,
            gold=draw.gold,
            answer=draw.answer,
            options=draw.options,
            right=right,
        )
