"""Transcriptions: how many words, or characters, were misread."""

from __future__ import annotations

import math

import jiwer

from sophia.rewards.checkers.verdict import UNPARSED, UNSCORED, Case, Verdict

_MAX_CHARACTERS = 100_000


def check_exp_wer(case: Case) -> Verdict:
    """Score exp(-word error rate), in (0, 1]; 0 for an empty one. Case and punctuation count."""
    return _failure(case) or Verdict(score=math.exp(-jiwer.wer(*_pair(case))))


def check_one_minus_cer(case: Case) -> Verdict:
    """Score 1 - character error rate, at least 0, for scripts without blanks and single words."""
    return _failure(case) or Verdict(score=max(0.0, 1.0 - jiwer.cer(*_pair(case))))


def _failure(case: Case) -> Verdict | None:
    gold, prediction = _pair(case)
    if not gold:
        return UNSCORED
    return UNPARSED if not prediction or len(prediction) > _MAX_CHARACTERS else None


def _pair(case: Case) -> tuple[str, str]:
    """Gold and prediction with single blanks and without math dollars, which some golds carry."""
    return _spaced(case.gold), _spaced(case.prediction)


def _spaced(text: str) -> str:
    return " ".join(text.replace("$", "").split())
