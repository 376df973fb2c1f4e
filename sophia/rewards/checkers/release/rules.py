"""The outcome rules of the SophiaVL-R1 release, defects included; for comparison, not for use.

docs/rewards.md lists where they differ from the checkers beside this file.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import jiwer

from sophia.rewards.checkers.text import mean_rouge
from sophia.rewards.checkers.verdict import UNPARSED, Gold, Rule, Verdict, verdict_of
from sophia.rewards.format import ReleaseFormat
from sophia.rewards.tags import first_answer, gold_text

if TYPE_CHECKING:
    from sophia.rewards.process.pool import WorkerPool

_HAS_FORMAT = ReleaseFormat()


def released_answer(text: str) -> str | None:
    """The first answer block, inside the thinking or not, of a response with the release's format.

    None, and so 0, for any other response. Dollar signs are removed.
    """
    answer = first_answer(text) if _HAS_FORMAT(text) else None
    return None if answer is None else answer.replace("$", "")


def released_gold(answer: str) -> str:
    """The gold answer without its tag and without dollar signs."""
    return gold_text(answer).replace("$", "")


def check_numerical(gold: Gold, workers: WorkerPool) -> Rule:
    """A rule: 1 or 0 by mathruler's own ``grade_answer``, in a worker; the tolerance is ignored."""
    return _of_answers(
        lambda answer: workers.compare(
            "mathruler", gold=gold.text, prediction=answer, tolerance=0.0
        )
    )


def check_choice(gold: Gold, workers: WorkerPool) -> Rule:
    """A rule: 1 for as many pieces between commas as the gold has *characters*, each found in it.

    So an empty answer is right for every single letter, and ``b`` or ``B.`` never is.
    """

    def verdict(answer: str) -> Verdict:
        pieces = [piece.strip() for piece in answer.split(",")]
        return verdict_of(len(pieces) == len(gold.text) and all(p in gold.text for p in pieces))

    return _of_answers(verdict)


def check_ocr(gold: Gold, workers: WorkerPool) -> Rule:
    """A rule: exp(-word error rate), case and punctuation counted; exp(-1) for an empty answer."""
    return _of_answers(lambda answer: Verdict(score=math.exp(-jiwer.wer(gold.text, answer))))


def check_text(gold: Gold, workers: WorkerPool) -> Rule:
    """A rule: the mean of three ROUGE F; an exact single word gets 2/3, exact Chinese gets 0."""
    expected = gold.text.replace("\n", " ")
    return _of_answers(
        lambda answer: Verdict(
            score=mean_rouge(expected, answer.replace("\n", " "), latin_only=True)
        )
    )


def _of_answers(verdict: Callable[[str], Verdict]) -> Rule:
    """The rule for responses with the release's format; others give no answer."""
    return lambda prediction: UNPARSED if prediction is None else verdict(prediction)
