"""Answers to yes-or-no questions: one of the two, and not both."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sophia.rewards.checkers.reading.plain_text import without_layout
from sophia.rewards.checkers.reading.words import without_lead_in
from sophia.rewards.checkers.verdict import UNPARSED, Gold, Rule, Verdict, verdict_of

if TYPE_CHECKING:
    from sophia.rewards.process.pool import WorkerPool

_YES = ("yes", "yeah", "yep", "true", "correct", "that is correct", "是", "是的", "对", "正确")
_NO = ("no", "nope", "false", "incorrect", "not", "isn't", "not true", "not correct", "不是")
_MEANINGS = dict.fromkeys(_YES, True) | dict.fromkeys(_NO, False)
_CLAUSE_END = re.compile(r"[,.;:!?\n。…—\"*$(){}\[\]\\]+")
_UNCLEAR = re.compile(  # "no clouds" is clear
    r"\b(?:or|either|neither|maybe|perhaps|possibly|but|if|unless|unsure|unknown|depends|wait|sure"
    r"|actually|certain|know|yes|yeah|true|correct|wrong|false|incorrect|nope"
    r"|no(?!\s+(?!it|that|this|they|there|is|are)[a-z]))\b"
)


def check_yes_no(gold: Gold, workers: WorkerPool) -> Rule | None:
    """A rule that scores 1 for the gold's yes or no, else 0; both or a hedged one is unparsed."""
    expected = _meaning(gold.text)
    if expected is None:
        return None

    def rule(prediction: str | None) -> Verdict:
        meaning = _meaning(prediction or "")
        return UNPARSED if meaning is None else verdict_of(meaning == expected)

    return rule


def _meaning(text: str) -> bool | None:
    """What the clauses say that are a yes or no; None if that is not one, or another doubts it."""
    clauses = [clause.strip() for clause in _CLAUSE_END.split(without_layout(text).lower())]
    answers = [_MEANINGS.get(without_lead_in(clause)) for clause in clauses]
    is_clear = all(
        answer is not None or not _UNCLEAR.search(clause) or re.search(" would .* if ", clause)
        for answer, clause in zip(answers, clauses, strict=True)
    )
    meanings = {answer for answer in answers if answer is not None}
    return meanings.pop() if is_clear and len(meanings) == 1 else None
