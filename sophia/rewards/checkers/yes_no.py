"""Answers to yes-or-no questions: one of the two, and not both."""

from __future__ import annotations

import re

from sophia.rewards.checkers.reading.plain_text import same_characters
from sophia.rewards.checkers.verdict import UNPARSED, UNSCORED, Case, Verdict, verdict_of

_MEANINGS = {"yes": True, "true": True, "no": False, "false": False}
_HEDGES = frozenset(("not", "maybe", "or", "either", "neither", "unsure", "unknown"))


def check_yes_no(case: Case) -> Verdict:
    """Score 1 for the gold's yes or no, else 0; both, neither or a hedged yes is unparsed."""
    gold, prediction = _meaning(case.gold), _meaning(case.prediction)
    if gold is None:
        return UNSCORED
    return UNPARSED if prediction is None else verdict_of(prediction == gold)


def _meaning(text: str) -> bool | None:
    words = set(re.findall(r"[^\W\d_]+", same_characters(text).lower()))
    meanings = {_MEANINGS[word] for word in words & _MEANINGS.keys()}
    is_hedged = True in meanings and bool(words & _HEDGES)
    return meanings.pop() if len(meanings) == 1 and not is_hedged else None
