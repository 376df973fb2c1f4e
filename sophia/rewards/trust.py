"""How far the thinking reward of a group is trusted (arXiv:2505.17018, eq. 1 to 3)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean

CORRECT_THRESHOLD = 0.5
"""An outcome of at least this much counts as a right answer (eq. 1, 2)."""


def is_correct(outcome: float) -> bool:
    """Whether an outcome reward counts as a right answer."""
    return outcome >= CORRECT_THRESHOLD


def trust_weight(thinking: Sequence[float], correct: Sequence[bool]) -> float:
    """gamma in [1/e, 1]: 1 unless wrong answers were thought better of than right ones.

    With mu the mean thinking reward, exp(mu_correct - mu_wrong) when that gap is negative, else 1
    (eq. 3). No right or no wrong answer is no evidence either way, so 1.
    """
    right = [t for t, ok in zip(thinking, correct, strict=True) if ok]
    wrong = [t for t, ok in zip(thinking, correct, strict=True) if not ok]
    if not right or not wrong:
        return 1.0
    return math.exp(min(fmean(right) - fmean(wrong), 0.0))
