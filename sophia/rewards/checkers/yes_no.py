"""Answers to yes-or-no questions: one of the two, and not both."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sophia.rewards.checkers.reading.plain_text import without_layout
from sophia.rewards.checkers.reading.words import without_lead_in
from sophia.rewards.checkers.verdict import UNPARSED, Gold, Rule, Verdict, verdict_of

if TYPE_CHECKING:
    from sophia.rewards.process.pool import WorkerPool

_MAX_CHARACTERS = 2000
_CHINESE = dict.fromkeys(("是", "是的", "对", "对的", "正确"), "yes") | dict.fromkeys(
    ("否", "不", "不是", "不对", "不正确", "错", "错误"), "no"
)
_CLAUSE_END = re.compile(r"[,.;:!?\n。、…—\"`*$(){}\[\]\\]+")
_ANNOUNCED = re.compile(
    r".*?\b(?:answer|statement|claim|conclusion)\b.*?\bis\s+|(?:definitely|certainly|absolutely)\s+"
)
_ANSWER = re.compile(
    r"\b(?:(?P<no>nope|nah|no|false|incorrect|not\s+(?:true|correct|the\s+case)|not$)"
    r"|(?P<yes>yes|yeah|yep|true|correct))\b"
)
_ASIDE = re.compile(
    r"(?<=\s)no\s+(?!(?:yes|it|this|that|there|they|he|she|we|i|you|wait|not|is|because)\b)(?=[a-z])"
    r"|\b(?:not|never)\s+(?:false|incorrect)\b"
)
_CONDITION = re.compile(r"\b(?:would|if)\b")
_HEDGE = re.compile(
    r"\b(?:maybe|perhaps|possibly|either|neither|unsure|unknown|depends|otherwise|or\s+not"
    r"|(?:not|don't|cannot|can't)\s+(?:be\s+)?(?:sure|certain|know|tell|say|determined?|yes)"
    r"|no\s+(?:doubt|question|idea|answer|clue|opinion|comment))\b"
)


def check_yes_no(gold: Gold, workers: WorkerPool) -> Rule | None:
    """A rule that scores 1 for the gold's yes or no, else 0; both or a hedged one is unparsed.

    "It is not true" is a no; "not yes" and "not false" are neither.
    """
    expected = _meaning(gold.text)
    if expected is None:
        return None

    def rule(prediction: str | None) -> Verdict:
        meaning = _meaning(prediction or "")
        return UNPARSED if meaning is None else verdict_of(meaning == expected)

    return rule


def _meaning(text: str) -> bool | None:
    """What the clause says that begins with yes or no; None without one or with another answer.

    Behind the first clause neither "no" before a noun ("No other point is there") nor what would be
    under a condition is an answer.
    """
    plain = without_layout(text[: _MAX_CHARACTERS + 1]).lower()
    if len(plain) > _MAX_CHARACTERS or _HEDGE.search(plain):
        return None
    opened, meanings = False, set()
    clauses = [clause for part in _CLAUSE_END.split(plain) if (clause := part.strip())]
    for place, clause in enumerate(clauses):
        if place and _CONDITION.search(clause):
            continue
        bare = without_lead_in(_ANNOUNCED.sub("", without_lead_in(clause), count=1))
        bare = _CHINESE.get(bare, bare)
        bare = _ASIDE.sub(" ", f" {bare}" if place else bare).strip()
        opened = opened or _ANSWER.match(bare) is not None
        meanings |= {match["yes"] is not None for match in _ANSWER.finditer(bare)}
    return meanings.pop() if opened and len(meanings) == 1 else None
