"""GDPO: each part of the reward normalised for itself."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from sophia.grpo.estimators.scores import Everywhere, Scores
from sophia.grpo.estimators.statistics import check_epsilon, family_statistics, whitened


@dataclass(frozen=True, slots=True, kw_only=True)
class PerPartAdvantages:
    """Each part whitened within its family, summed by weight, whitened over the batch (GDPO).

    arXiv:2601.05242. So parts of different spread count by their weights alone, which the sum of
    raw rewards does not give. A part that is equal within a family adds nothing there.
    """

    epsilon: float = 1e-6

    def __post_init__(self) -> None:
        check_epsilon(self.epsilon)

    @property
    def min_generations(self) -> int:
        """Two: one value has no deviation."""
        return 2

    def __call__(self, scores: Scores, *, everywhere: Everywhere) -> Tensor:
        """(B,) float32 advantages."""
        total = torch.zeros_like(scores.totals)
        for part in scores.parts.values():
            family = family_statistics(part.values, scores.families, scores.valid)
            whitened_part = (part.values - family.mean) / (family.std + self.epsilon)
            total += torch.where(family.constant, 0.0, part.weights * whitened_part)
        return whitened(total, scores.valid, everywhere, epsilon=self.epsilon).float()
