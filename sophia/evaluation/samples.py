"""Several answers to each prompt: pass@k and the majority's answer, with intervals."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from sophia.evaluation.bootstrap import Estimate, UnitBootstrap
from sophia.evaluation.records import EvalRecord
from sophia.rewards.tags import extract_answer


def sample_figures(records: Sequence[EvalRecord]) -> dict[str, Estimate]:
    """``pass@k`` for k = 1, 2, 4, ... and n, and ``maj@n``, with n answers to each prompt.

    Answers that could not be scored are left out. Empty when no prompt has several answers.
    """
    prompts = [p for p in _by_prompt(records) if p]
    most = max((len(p) for p in prompts), default=1)
    if most < 2:
        return {}
    bootstrap = UnitBootstrap([answers[0].units for answers in prompts])
    sizes = sorted({2**i for i in range(most.bit_length()) if 2**i < most} | {most})
    figures = {}
    for k in sizes:
        enough = np.array([float(len(answers) >= k) for answers in prompts])
        values = np.array([pass_at_k(len(a), _num_right(a), k) for a in prompts])
        figures[f"pass@{k}"] = bootstrap.mean(values, enough)
    votes = np.array([float(majority_is_right(answers)) for answers in prompts])
    figures[f"maj@{most}"] = bootstrap.mean(votes)
    return figures


def pass_at_k(num_samples: int, num_right: int, k: int) -> float:
    """The chance that one of k answers drawn from n = ``num_samples`` without replacement is right.

    With c = ``num_right`` it is 1 - C(n - c, k) / C(n, k), an unbiased estimate (Chen et al. 2021,
    arXiv:2107.03374, eq. 1), and 0 when n is less than k.
    """
    if num_samples < k:
        return 0.0
    return 1.0 - math.comb(num_samples - num_right, k) / math.comb(num_samples, k)


def majority_is_right(answers: Sequence[EvalRecord]) -> bool:
    """Whether the commonest answer is right; in a tie the one given first wins.

    Answers are compared without case and repeated blanks; a text without an answer has no vote.
    """
    given = [(_normal(r.text), r) for r in answers]
    votes = Counter(answer for answer, _ in given if answer is not None)
    if not votes:
        return False
    winner = votes.most_common(1)[0][0]
    return next(record for answer, record in given if answer == winner).is_right


def _by_prompt(records: Sequence[EvalRecord]) -> list[list[EvalRecord]]:
    """The records of each prompt that have an outcome; an empty list where none has."""
    groups: dict[str, list[EvalRecord]] = {}
    for record in records:
        groups.setdefault(record.uid, [])
        if record.outcome is not None:
            groups[record.uid].append(record)
    return list(groups.values())


def _num_right(answers: Sequence[EvalRecord]) -> int:
    return sum(record.is_right for record in answers)


def _normal(text: str) -> str | None:
    answer = extract_answer(text)
    return None if answer is None else " ".join(answer.split()).casefold()
