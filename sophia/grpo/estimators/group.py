"""How much better than its siblings a completion is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from sophia.grpo.estimators.scores import Everywhere, Scores
from sophia.grpo.estimators.statistics import check_epsilon, family_statistics, over_all_ranks

Scale = Literal["group", "batch", "centred_batch", "mean", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupAdvantages:
    """(R - mean(R)) / scale within each family (arXiv:2505.17018, eq. 6).

    A completion that is not valid, and every completion of a family with fewer than two valid ones
    or with equal rewards, gets 0. Deviations are unbiased, as in the field's trainers.

    Args:
        scale: what is divided by. ``group``: the family's deviation; ``none`` nothing (Dr.GRPO,
            arXiv:2503.20783); ``batch`` the deviation of all rewards over all ranks (Lite-PPO,
            arXiv:2508.08221); ``centred_batch`` that of all R - mean(R) (REINFORCE++-baseline,
            arXiv:2501.03262); ``mean`` the family's mean, 0 where it is not positive (MaxRL).
        epsilon: what is added to a deviation before the division.
    """

    scale: Scale = "group"
    epsilon: float = 1e-6

    def __post_init__(self) -> None:
        check_epsilon(self.epsilon)
        if self.scale not in get_args(Scale):
            raise ValueError(f"scale is {self.scale!r}; it must be one of {get_args(Scale)}.")

    @property
    def min_generations(self) -> int:
        """Two: one completion is as good as the mean of itself."""
        return 2

    def __call__(self, scores: Scores, *, everywhere: Everywhere) -> Tensor:
        """(B,) float32 advantages."""
        family = family_statistics(scores.totals, scores.families, scores.valid)
        centred = scores.totals - family.mean
        contributes = scores.valid & ~family.constant
        if self.scale == "group":
            centred = centred / (family.std + self.epsilon)
        elif self.scale == "mean":
            contributes &= family.mean > 0.0
            centred = centred / torch.where(contributes, family.mean, 1.0)
        elif self.scale != "none":
            of = scores.totals if self.scale == "batch" else centred
            known = over_all_ranks(of, scores.valid, everywhere)
            std = known.std() if len(known) > 1 else torch.zeros((), dtype=torch.float64)
            centred = centred / (std + self.epsilon)
        return torch.where(contributes, centred, 0.0).float()
