"""Transcriptions: how many words, or characters, were misread."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import jiwer

from sophia.rewards.checkers.text import MAX_CHARACTERS
from sophia.rewards.checkers.verdict import UNPARSED, Gold, Rule, Verdict

if TYPE_CHECKING:
    from sophia.rewards.process.pool import WorkerPool


def check_exp_wer(gold: Gold, workers: WorkerPool) -> Rule | None:
    """A rule: exp(-word error rate), in (0, 1]; 0 without an answer. Case and punctuation count.

    None for a gold, and unparsed for a prediction, of more than ``MAX_CHARACTERS``.
    """
    return _rule(gold, lambda expected, answer: math.exp(-jiwer.wer(expected, answer)))


def check_one_minus_cer(gold: Gold, workers: WorkerPool) -> Rule | None:
    """A rule: 1 - character error rate, at least 0, for scripts without blanks and single words.

    Its limits are those of check_exp_wer.
    """
    return _rule(gold, lambda expected, answer: max(0.0, 1.0 - jiwer.cer(expected, answer)))


def _rule(gold: Gold, score: Callable[[str, str], float]) -> Rule | None:
    expected = _spaced(gold.text)
    if not expected or len(expected) > MAX_CHARACTERS:
        return None

    def rule(prediction: str | None) -> Verdict:
        answer = _spaced(prediction or "")
        if not answer or len(answer) > MAX_CHARACTERS:
            return UNPARSED
        return Verdict(score=score(expected, answer))

    return rule


def _spaced(text: str) -> str:
    """With single blanks and without math dollars, which some golds carry."""
    return " ".join(text.replace("$", "").split())
