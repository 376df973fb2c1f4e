"""MathVerse: an answer that is the gold one to the letter; about any other a model is asked."""

from __future__ import annotations

from dataclasses import dataclass

from sophia.benchmarks.item import UNPARSED, Graded, Item


@dataclass(frozen=True, slots=True, kw_only=True)
class MathVerse:
    """VLMEvalKit's comparison before its judge: equal without outer blanks, else undecided.

    Alone it is a lower bound, "MathVerse (rule)": "12cm" for 12 and "B" for "B. 40°" are unparsed.
    """

    def __call__(self, item: Item, answer: str) -> Graded:
        said = answer.strip()
        if not said or said != item.answer.strip():
            return UNPARSED
        return Graded(score=1.0, extracted=said)
