"""SAPO: a soft gate in place of the clip."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from sophia.grpo.losses.policy_loss import PolicyTerm, log_ratio
from sophia.types import TrainBatch


@dataclass(frozen=True, slots=True, kw_only=True)
class Sapo:
    """-A * 4 / tau * sigmoid(tau * (r - 1)) (arXiv:2511.20347), of slope 1 at a ratio r of 1.

    Args:
        tau_positive: how fast the gate closes for tokens with A > 0.
        tau_negative: the same where A is not positive; the paper closes it faster.
    """

    multiple_of_advantage = True

    tau_positive: float = 1.0
    tau_negative: float = 1.05

    def __post_init__(self) -> None:
        if not (self.tau_positive > 0.0 and self.tau_negative > 0.0):
            raise ValueError(
                f"tau_positive {self.tau_positive} and tau_negative {self.tau_negative} must be"
                " above 0; the paper's are 1.0 and 1.05."
            )

    def __call__(self, logps: Tensor, old: Tensor, batch: TrainBatch) -> PolicyTerm:
        """(N,) the gated loss of each token; none is cut."""
        advantages = batch.advantages[batch.sequence_ids]
        ratio = log_ratio(logps, old, batch, level="token").exp()
        tau = torch.where(advantages > 0, self.tau_positive, self.tau_negative)
        gate = torch.sigmoid(tau * (ratio - 1.0)) * 4.0 / tau
        nothing = torch.zeros_like(ratio, dtype=torch.bool)
        return PolicyTerm(
            loss=-advantages * gate, ratio=ratio, cut={"low": nothing, "high": nothing}
        )
