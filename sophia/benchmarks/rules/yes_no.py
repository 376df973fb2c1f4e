"""Does an answer say yes or no? VLMEvalKit's rule of MME, HallusionBench and POPE."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sophia.benchmarks.item import UNPARSED, Graded, Item

_SIGNS = ';/[]"{}()=+\\_-><@`,?!'
_THOUSANDS = re.compile(r"\d,\d")
_FULL_STOP = re.compile(r"(?<!\d)\.(?!\d)")
_MOST_FULL_STOPS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class YesNo:
    """Right where exactly one of the words yes and no stands in the answer, and it is the gold one.

    Words are those that VLMEvalKit's ``process_punctuation`` leaves: asterisks, colons, quotes and
    dollars stay, so "**Yes**" and "yes:" are unparsed; so is "Yes.No", whose full stop goes
    without a blank. The gold answer may be in any case.
    """

    def __call__(self, item: Item, answer: str) -> Graded:
        said = {"yes", "no"}.intersection(_words(answer.lower()))
        if len(said) != 1:
            return UNPARSED
        (word,) = said
        return Graded(score=float(word == item.answer.strip().lower()), extracted=word.title())


def _words(text: str) -> list[str]:
    """A sign beside a blank goes without trace, any other leaves a blank; 1,000 glues them all."""
    glued = _THOUSANDS.search(text) is not None
    signs: dict[str, str | int | None] = {
        sign: "" if glued or f"{sign} " in text or f" {sign}" in text else " " for sign in _SIGNS
    }
    return _FULL_STOP.sub("", text.translate(str.maketrans(signs)), _MOST_FULL_STOPS).split()
