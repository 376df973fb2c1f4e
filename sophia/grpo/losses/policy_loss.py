"""What every policy loss is given and gives back, and the ratio that most of them are about.

Shapes: B completions, N all their tokens in one flat row; sequence_ids (N,) say whose each is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from torch import Tensor

from sophia.grpo.kl import MAX_LOG_RATIO
from sophia.types import TrainBatch

RatioLevel = Literal["token", "sequence"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PolicyTerm:
    """The policy's part of the loss, token by token, before it is weighted and summed."""

    loss: Tensor  # (N,) with gradient
    ratio: Tensor  # (N,) policy / old, as the loss uses it
    cut: Mapping[str, Tensor]  # (N,) bool each: tokens whose gradient is cut, "low" and "high"


class PolicyLoss(Protocol):
    """A loss per token from the policy's log-probs, those of the rollout's policy, advantages."""

    @property
    def multiple_of_advantage(self) -> bool:
        """Whether a token whose advantage is 0 has a loss and a gradient of 0."""

    def __call__(
        self,
        logps: Tensor,  # (N,) under the policy being trained, with gradient
        old: Tensor,  # (N,) under the policy before this rollout's first update
        batch: TrainBatch,  # its advantages (B,), sequence_ids (N,) and loss_mask (N,)
    ) -> PolicyTerm:
        """The term of each token; what stands at tokens outside of the loss does not matter."""


def log_ratio(
    logps: Tensor,  # (N,)
    old: Tensor,  # (N,)
    batch: TrainBatch,
    *,
    level: RatioLevel,
    largest: float = MAX_LOG_RATIO,
) -> Tensor:
    """(N,) log of policy / old, clamped to +-largest; per sequence its mean over the tokens.

    The mean is GSPO's (arXiv:2507.18071, eq. 7); a clamp at ln 1000 is the Pre-CLIP of
    StableReinforce (arXiv:2505.02835).
    """
    difference = logps - old
    if level == "sequence":
        difference = sequence_mean(difference, batch)[batch.sequence_ids]
    return difference.clamp(-largest, largest)


def sequence_mean(values: Tensor, batch: TrainBatch) -> Tensor:
    """(B,) the mean of (N,) values over each completion's tokens in the loss; 0 without any."""
    ids, mask = batch.sequence_ids, batch.loss_mask.to(values.dtype)
    zeros = values.new_zeros(len(batch.lengths))
    totals = zeros.index_add(0, ids, values * mask)
    return totals / zeros.index_add(0, ids, mask).clamp(min=1.0)
