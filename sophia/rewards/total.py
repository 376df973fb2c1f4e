"""The equation: what a completion is worth."""

from __future__ import annotations

from collections.abc import Iterable

from sophia.types import RewardPart


def total_reward(
    *,
    outcome: float | None,
    outcome_weight: float,
    gamma: float,
    weight: float,
    thinking: float | None,
    others: Iterable[RewardPart],
    gated: bool,
) -> float | None:
    """R = w * outcome + gamma * weight * thinking + sum of weighted others.

    With w = 1 it is eq. 5 of arXiv:2505.17018.

    Args:
        outcome: the reward of the answer, in [0, 1]; None when it could not be scored.
        outcome_weight: w, what the outcome is multiplied by.
        gamma: how far the thinking reward of the group is trusted, in [1/e, 1] (eq. 3).
        weight: what the thinking reward weighs at this RL step, alpha * exp(-step / T) in the
            paper; 0 where the term is left out of the group.
        thinking: the judge's score, in [0, 1]; None, for a completion that has none, adds nothing.
        others: the format and the reward terms, each with its own weight; one without a value
            adds nothing.
        gated: whether the completion failed the format gate.

    Returns:
        0 behind the gate; else None for an unscored outcome, whose completion leaves its group.
    """
    if gated:
        return 0.0
    if outcome is None:
        return None
    extra = sum(part.weight * part.value for part in others if part.value is not None)
    return outcome_weight * outcome + gamma * weight * (thinking or 0.0) + extra
