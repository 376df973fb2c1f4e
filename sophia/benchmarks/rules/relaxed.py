"""ChartQA's relaxed accuracy: numbers within 5 % of the gold one, anything else word for word."""

from __future__ import annotations

from sophia.benchmarks.item import Graded, Item

_TOLERANCE = 0.05


def relaxed(item: Item, answer: str) -> Graded:
    """Numbers are what ``float`` reads, a trailing percent sign divides by 100; 5 % is inclusive.

    A gold number of 0, and whatever is no number on one side, is compared as text, in lower case.
    """
    gold, said = _number(item.answer), _number(answer)
    if gold and said is not None:
        right = abs(said - gold) / abs(gold) <= _TOLERANCE
    else:
        right = answer.strip().lower() == item.answer.strip().lower()
    return Graded(right=right, extracted=answer.strip())


def _number(text: str) -> float | None:
    text = text.strip()
    try:
        return float(text.removesuffix("%")) / 100.0 if text.endswith("%") else float(text)
    except ValueError:
        return None
