"""CV-Bench, whose gold answers are letters in brackets: "(A)"."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sophia.benchmarks.item import Graded, Item
from sophia.benchmarks.rules.choice import Choice


@dataclass(frozen=True, slots=True, kw_only=True)
class CVBench:
    """``Choice`` with the brackets of the gold letter taken off."""

    def __call__(self, item: Item, answer: str) -> Graded:
        return Choice()(replace(item, answer=item.answer.strip(" ()")), answer)
