"""RLOO: how much better than the mean of its siblings a completion is."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from sophia.grpo.estimators.scores import Everywhere, Scores
from sophia.grpo.estimators.statistics import family_statistics


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaveOneOutAdvantages:
    """R - the mean of the family's other rewards = G / (G - 1) * (R - mean(R)).

    Without a scale (arXiv:2402.14740, eq. 7).
    """

    @property
    def min_generations(self) -> int:
        """Two: there must be others."""
        return 2

    def __call__(self, scores: Scores, *, everywhere: Everywhere) -> Tensor:
        """(B,) float32 advantages."""
        family = family_statistics(scores.totals, scores.families, scores.valid)
        others = (family.count - 1.0).clamp(min=1.0)
        advantages = family.count / others * (scores.totals - family.mean)
        return torch.where(scores.valid & ~family.constant, advantages, 0.0).float()
