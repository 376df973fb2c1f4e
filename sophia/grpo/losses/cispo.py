"""CISPO: every token keeps its gradient, with a bounded importance weight."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from sophia.grpo.losses.policy_loss import PolicyTerm, log_ratio
from sophia.types import TrainBatch


@dataclass(frozen=True, slots=True, kw_only=True)
class Cispo:
    """-A * clip(r, min_ratio, max_ratio) * log pi, the weight without gradient.

    arXiv:2506.13585, eq. 4 and 5. It bounds from above only; ``max_ratio`` is absolute, 1 + their
    epsilon_high.

    Args:
        max_ratio: the largest weight of a token.
        min_ratio: the smallest; 0 leaves small weights as they are.
    """

    multiple_of_advantage = True

    max_ratio: float = 5.0
    min_ratio: float = 0.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.min_ratio <= 1.0 <= self.max_ratio:
            raise ValueError(
                f"min_ratio {self.min_ratio} and max_ratio {self.max_ratio} must have 1 between"
                " them, and min_ratio must not be negative; usual are 0 and 5."
            )

    def __call__(self, logps: Tensor, old: Tensor, batch: TrainBatch) -> PolicyTerm:
        """(N,) the weighted likelihood of each token."""
        ratio = log_ratio(logps, old, batch, level="token").exp()
        weight = ratio.detach().clamp(self.min_ratio, self.max_ratio)
        advantages = batch.advantages[batch.sequence_ids]
        counts = advantages != 0
        cut = {
            "low": (ratio < self.min_ratio) & counts,
            "high": (ratio > self.max_ratio) & counts,
        }
        return PolicyTerm(loss=-advantages * weight * logps, ratio=ratio, cut=cut)
