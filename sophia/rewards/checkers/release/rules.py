"""The outcome rules of the SophiaVL-R1 release, defects included; for comparison, not for use.

docs/rewards.md lists where they differ from the checkers beside this file.
"""

from __future__ import annotations

import math

import jiwer

from sophia.rewards.checkers.release.mathruler import grade_answer
from sophia.rewards.checkers.text import mean_rouge
from sophia.rewards.checkers.verdict import Case, Verdict, verdict_of
from sophia.rewards.format import is_release
from sophia.rewards.tags import first_answer, gold_text


def released_answer(text: str) -> str | None:
    """The first answer block, inside the thinking or not, of a response with the release's format.

    None, and so 0, for any other response. Dollar signs are removed.
    """
    answer = first_answer(text) if is_release(text) else None
    return None if answer is None else answer.replace("$", "")


def released_gold(answer: str) -> str:
    """The gold answer without its tag and without dollar signs."""
    return gold_text(answer).replace("$", "")


def check_numerical(case: Case) -> Verdict:
    """Score 1 or 0 by mathruler's ``grade_answer``; the row's tolerance is not looked at."""
    return grade_answer(case.prediction, case.gold, case.workers)


def check_choice(case: Case) -> Verdict:
    """Score 1 for as many pieces between commas as the gold has *characters*, each found in it.

    So an empty answer is right for every single letter, and ``b`` or ``B.`` never is.
    """
    pieces = [piece.strip() for piece in case.prediction.split(",")]
    return verdict_of(len(pieces) == len(case.gold) and all(p in case.gold for p in pieces))


def check_ocr(case: Case) -> Verdict:
    """Score exp(-word error rate), case and punctuation counted; an empty answer gets exp(-1)."""
    return Verdict(score=math.exp(-jiwer.wer(case.gold, case.prediction)))


def check_text(case: Case) -> Verdict:
    """Score by the mean of three ROUGE F: an exact single word gets 2/3, exact Chinese gets 0."""
    prediction, gold = (text.replace("\n", " ") for text in (case.prediction, case.gold))
    return Verdict(score=mean_rouge(gold, prediction, latin_only=True))
