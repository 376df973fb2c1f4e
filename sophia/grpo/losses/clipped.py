"""The clipped surrogate of PPO: GRPO's, GSPO's and most others' policy loss."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import get_args

import torch
from torch import Tensor

from sophia.grpo.kl import MAX_LOG_RATIO
from sophia.grpo.losses.policy_loss import PolicyTerm, RatioLevel, log_ratio
from sophia.types import TrainBatch


@dataclass(frozen=True, slots=True, kw_only=True)
class Clipped:
    """max(-A r, -A clip(r, 1 - epsilon_low, 1 + epsilon_high)) (arXiv:1707.06347, eq. 7).

    Args:
        epsilon_low: the ratio r of policy to old policy is clipped below at 1 - epsilon_low.
        epsilon_high: the same ratio is clipped above at 1 + epsilon_high.
        dual_clip: bounds the loss of tokens with negative advantage at dual_clip * |A|; None: off.
        ratio_level: the ratio is a token's, or its completion's (GSPO, arXiv:2507.18071).
        max_log_ratio: the log of the ratio is clamped to +-this before the exponential; ln 1000 is
            Pre-CLIP (arXiv:2505.02835).
    """

    multiple_of_advantage = True

    epsilon_low: float = 0.2
    epsilon_high: float = 0.2
    dual_clip: float | None = None
    ratio_level: RatioLevel = "token"
    max_log_ratio: float = MAX_LOG_RATIO

    def __post_init__(self) -> None:
        if not (0.0 <= self.epsilon_low < 1.0 and self.epsilon_high >= 0.0):
            raise ValueError(
                f"epsilon_low {self.epsilon_low} must lie in [0, 1) and epsilon_high"
                f" {self.epsilon_high} must not be negative; both are usually 0.2."
            )
        if self.dual_clip is not None and not self.dual_clip > 1.0 + self.epsilon_high:
            raise ValueError(
                f"dual_clip is {self.dual_clip}; it must exceed 1 + epsilon_high ="
                f" {1.0 + self.epsilon_high}, usual is 3. Set it to null to switch it off."
            )
        bound = max(math.log1p(self.epsilon_high), -math.log1p(-self.epsilon_low))
        if not self.max_log_ratio > bound:
            raise ValueError(
                f"max_log_ratio is {self.max_log_ratio}; it must exceed {bound:.4f}, the larger of"
                " ln(1 + epsilon_high) and -ln(1 - epsilon_low), or nothing is left to clip;"
                " 20 only avoids overflows, ln 1000 = 6.9078 is Pre-CLIP."
            )
        if self.ratio_level not in get_args(RatioLevel):
            raise ValueError(
                f"ratio_level is {self.ratio_level!r}; it must be one of {get_args(RatioLevel)}."
            )

    def __call__(self, logps: Tensor, old: Tensor, batch: TrainBatch) -> PolicyTerm:
        """(N,) the larger of clipped and unclipped loss; dual_clip bounds it where A < 0."""
        ratio = log_ratio(
            logps, old, batch, level=self.ratio_level, largest=self.max_log_ratio
        ).exp()
        advantages = batch.advantages[batch.sequence_ids]
        clipped = ratio.clamp(1.0 - self.epsilon_low, 1.0 + self.epsilon_high)
        loss = torch.maximum(-advantages * ratio, -advantages * clipped)
        if self.dual_clip is not None:
            bounded = torch.minimum(loss, -advantages * self.dual_clip)
            loss = torch.where(advantages < 0, bounded, loss)
        cut = {
            "low": (ratio < 1.0 - self.epsilon_low) & (advantages < 0),
            "high": (ratio > 1.0 + self.epsilon_high) & (advantages > 0),
        }
        return PolicyTerm(loss=loss, ratio=ratio, cut=cut)
