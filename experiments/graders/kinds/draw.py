"""What one class of pairs draws, and the small tools that all classes draw with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from fractions import Fraction
from random import Random
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """A gold and an answer to it; whether they agree was decided before they were drawn."""

    gold: str
    answer: str
    problem_type: str = "math"
    options: Mapping[str, str] = field(default_factory=dict)


Kind = Callable[[Random, bool], Draw]
"""Draws a pair of a class whose answer is right, or one whose answer is wrong."""


def other(random: Random, value: Any, candidates: Sequence[Any]) -> Any:
    """One of the candidates that does not equal the value."""
    return random.choice([candidate for candidate in candidates if candidate != value])


def far(random: Random, value: float, candidates: Sequence[tuple[str, float]]) -> str:
    """The text of a candidate that is off by more than a thousandth: never borderline."""
    least = 1e-3 * max(1.0, abs(value))
    return random.choice([text for text, number in candidates if abs(number - value) > least])


def decimal_text(value: Fraction) -> str:
    """The number in decimals: exact where its decimals end, else to twelve significant digits."""
    with localcontext(prec=12):
        text = format(Decimal(value.numerator) / Decimal(value.denominator), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def signed(number: int, text: str, *, first: bool = False) -> str:
    """A term of a sum with its sign: ``+ 3x``, ``- x``, or ``-x`` where it is the first."""
    if first:
        return f"-{text}" if number < 0 else text
    return f" - {text}" if number < 0 else f" + {text}"


def digit_off(random: Random, text: str) -> str:
    """The same text with one of its digits replaced by another, never a leading 0."""
    places = [place for place, letter in enumerate(text) if letter.isdigit()]
    place = random.choice(places)
    digit = random.choice([d for d in "123456789" if d != text[place]])
    return text[:place] + digit + text[place + 1 :]
