"""Whether an answer says yes or no, and not both (MME, HallusionBench, POPE)."""

from __future__ import annotations

import string

from sophia.benchmarks.item import UNPARSED, Graded, Item

_PUNCTUATION = str.maketrans(dict.fromkeys(string.punctuation, " "))


def yes_no(item: Item, answer: str) -> Graded:
    """Right where exactly one of the two words stands in the answer, and it is the gold one."""
    said = set(answer.lower().translate(_PUNCTUATION).split()) & {"yes", "no"}
    if len(said) != 1:
        return UNPARSED
    (word,) = said
    return Graded(right=word == item.answer.strip().lower(), extracted=word)
