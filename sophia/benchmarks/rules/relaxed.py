"""ChartQA's relaxed accuracy: numbers within 5 % of the gold one, anything else word for word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sophia.benchmarks.item import UNPARSED, Graded, Item
from sophia.benchmarks.literal import literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Relaxed:
    """Numbers are what ``float`` reads, trailing percent signs divide by 100; the bound is right.

    So "1,000" and "$5" are no numbers, and 12 is not 12%. A gold number of 0, and whatever is no
    number on one side, is compared as text in lower case. Of a gold list any element is right.

    Args:
        tolerance: how far a number p may be from the gold g: |p - g| <= tolerance * |g|.
    """

    tolerance: float = 0.05

    def __call__(self, item: Item, answer: str) -> Graded:
        said = answer.strip()
        if not said:
            return UNPARSED
        right = any(self._agree(gold, said) for gold in _golds(item.answer))
        return Graded(score=float(right), extracted=said)

    def _agree(self, gold: str, said: str) -> bool:
        expected, number = _number(gold), _number(said)
        if expected and number is not None:
            return abs(number - expected) / abs(expected) <= self.tolerance
        return said.lower() == gold.lower()


def _number(text: str) -> float | None:
    try:
        return float(text.rstrip("%")) / 100.0 if text.endswith("%") else float(text)
    except ValueError:
        return None


def _golds(answer: str) -> Sequence[str]:
    """The elements of a gold answer that is a Python list, else the answer."""
    if not answer.lstrip().startswith("["):
        return (answer,)
    try:
        found = literal(answer.strip())
    except ValueError:
        return (answer,)
    return [str(one) for one in found] if isinstance(found, list) else (answer,)
