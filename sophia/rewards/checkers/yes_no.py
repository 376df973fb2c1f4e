"""Answers to yes-or-no questions: one of the two, and not both."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sophia.rewards.checkers.reading.plain_text import same_characters
from sophia.rewards.checkers.verdict import UNPARSED, Gold, Rule, Verdict, verdict_of

if TYPE_CHECKING:
    from sophia.rewards.process.pool import WorkerPool

_MEANINGS = {"yes": True, "true": True, "no": False, "false": False}
_HEDGES = frozenset(("not", "maybe", "or", "either", "neither", "unsure", "unknown"))


def check_yes_no(gold: Gold, workers: WorkerPool) -> Rule | None:
    """A rule that scores 1 for the gold's yes or no, else 0; both or a hedged yes is unparsed."""
    expected = _meaning(gold.text)
    if expected is None:
        return None

    def rule(prediction: str | None) -> Verdict:
        meaning = _meaning(prediction or "")
        return UNPARSED if meaning is None else verdict_of(meaning == expected)

    return rule


def _meaning(text: str) -> bool | None:
    words = set(re.findall(r"[^\W\d_]+", same_characters(text).lower()))
    meanings = {_MEANINGS[word] for word in words & _MEANINGS.keys()}
    is_hedged = True in meanings and bool(words & _HEDGES)
    return meanings.pop() if len(meanings) == 1 and not is_hedged else None
