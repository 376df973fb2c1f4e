"""StableReinforce's filter: completions far from the rest do not count."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from sophia.grpo.estimators.scores import AdvantageEstimator, Everywhere, Scores


@dataclass(frozen=True, slots=True, kw_only=True)
class FilteredAdvantages:
    """The advantages of another estimator, and 0 outside of [lowest, highest].

    arXiv:2505.02835, section 3.2: with standardised advantages, three deviations.

    Args:
        estimator: whose advantages.
        lowest: the smallest advantage that is kept.
        highest: the largest.
    """

    estimator: AdvantageEstimator
    lowest: float = -3.0
    highest: float = 3.0

    def __post_init__(self) -> None:
        if not self.lowest < 0.0 < self.highest:
            raise ValueError(
                f"lowest {self.lowest} and highest {self.highest} must have 0 between them; the"
                " paper's are -3 and 3."
            )

    @property
    def min_generations(self) -> int:
        """That of the estimator."""
        return self.estimator.min_generations

    def __call__(self, scores: Scores, *, everywhere: Everywhere) -> Tensor:
        """(B,) float32 advantages."""
        advantages = self.estimator(scores, everywhere=everywhere)
        kept = (advantages >= self.lowest) & (advantages <= self.highest)
        return torch.where(kept, advantages, 0.0)
