"""Which of two shown answers a judge prefers; the gold answer is "1" or "2"."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sophia.benchmarks.item import UNPARSED, Graded, Item

_MAX_CHARACTERS = 2000
_WORD = re.compile(r"[^\W_]+(?:'[a-z]+)?")
_PLACES = {"1": "1", "first": "1", "1st": "1", "2": "2", "second": "2", "2nd": "2"}
_HARMLESS = (
    "the a an is it's so my final overall verdict judgment judgement preference conclusion winner"
    " better best preferred chosen superior answer response option choice assistant model output"
    " number one i choose prefer pick select boxed text"
)
_ALLOWED = frozenset((*_HARMLESS.split(), *_PLACES))


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerNamed:
    """VL-RewardBench's rule: "answer 1" anywhere is 1, else "answer 2" anywhere is 2.

    So a text that names both counts as 1, whatever it says of them, and a mere "2" as nothing.
    """

    def __call__(self, item: Item, answer: str) -> Graded:
        said = answer.lower()
        for place in ("1", "2"):
            if f"answer {place}" in said:
                return Graded(score=float(place == item.answer.strip()), extracted=place)
        return UNPARSED


@dataclass(frozen=True, slots=True, kw_only=True)
class StrictVerdict:
    """Ours: the answer names one of the two, in a few words that say nothing else.

    "2", "Answer 2", "The second response is better." and "**[[2]]**" are read; a text that names
    both, denies one or gives reasons is unparsed.
    """

    def __call__(self, item: Item, answer: str) -> Graded:
        if len(answer) > _MAX_CHARACTERS:
            return UNPARSED
        words = _WORD.findall(answer.lower())
        places = {_PLACES[word] for word in words if word in _PLACES}
        if len(places) != 1 or not _ALLOWED.issuperset(words):
            return UNPARSED
        (place,) = places
        return Graded(score=float(place == item.answer.strip()), extracted=place)
