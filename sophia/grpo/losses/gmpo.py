"""GMPO: the geometric mean of a completion's clipped ratios."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from sophia.grpo.losses.policy_loss import PolicyTerm, log_ratio, sequence_mean
from sophia.types import TrainBatch


@dataclass(frozen=True, slots=True, kw_only=True)
class Gmpo:
    """-A * exp(mean over tokens of the one-sidedly clipped log-ratio) (arXiv:2507.20673, eq. 4).

    Args:
        log_clip_low: a token's log-ratio is clipped below at -log_clip_low where A is negative.
        log_clip_high: it is clipped above at log_clip_high where A is positive.
    """

    multiple_of_advantage = True

    log_clip_low: float = 0.4
    log_clip_high: float = 0.4

    def __post_init__(self) -> None:
        if not (self.log_clip_low > 0.0 and self.log_clip_high > 0.0):
            raise ValueError(
                f"log_clip_low {self.log_clip_low} and log_clip_high {self.log_clip_high} must be"
                " above 0; the paper's are 0.4."
            )

    def __call__(self, logps: Tensor, old: Tensor, batch: TrainBatch) -> PolicyTerm:
        """(N,) the loss of its completion at every token."""
        advantages = batch.advantages[batch.sequence_ids]
        difference = log_ratio(logps, old, batch, level="token")
        clipped = difference.clamp(-self.log_clip_low, self.log_clip_high)
        pessimistic = torch.where(
            advantages < 0, torch.maximum(difference, clipped), torch.minimum(difference, clipped)
        )
        ratio = sequence_mean(pessimistic, batch).exp()[batch.sequence_ids]
        cut = {
            "low": (difference < -self.log_clip_low) & (advantages < 0),
            "high": (difference > self.log_clip_high) & (advantages > 0),
        }
        return PolicyTerm(loss=-advantages * ratio, ratio=ratio, cut=cut)
