"""The GRPO loss on flat rows.

Shapes: B completions, N all their tokens in one flat row; sequence_ids (N,) say whose each is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from sophia.grpo.batch import Aggregation, mean_over_tokens, token_share
from sophia.grpo.correction import SamplingCorrection, correction_weights, mismatch_metrics
from sophia.grpo.kl import MAX_LOG_RATIO, KLEstimator, kl_estimate
from sophia.metrics import Mean, Metric
from sophia.types import TrainBatch


@dataclass(frozen=True, slots=True, kw_only=True)
class LossConfig:
    """Which loss is minimised: clipping, KL, entropy, and what token losses are divided by.

    Args:
        epsilon_low: the ratio of policy to old policy is clipped below at 1 - epsilon_low.
        epsilon_high: the same ratio is clipped above at 1 + epsilon_high.
        dual_clip: bounds the loss of tokens with negative advantage at dual_clip * |A|; None: off.
        beta: the weight of the KL to the reference; 0 needs no reference.
        kl_estimator: how that KL is estimated, see ``sophia.grpo.kl``.
        aggregation: what token losses are divided by. ``token_mean``: the step's tokens;
            ``sequence_mean``: a completion's tokens, then the completions; ``constant_length``:
            completions * max_new_tokens (Dr.GRPO), so that a token's weight knows no length.
        importance_sampling_level: the ratio is a token's, or its completion's (GSPO).
        entropy_coefficient: the weight of the entropy, which is subtracted from the loss.
        mask_truncated_completions: whether completions cut by the length limit leave the loss.
        sampling_correction: weighs tokens by how far engine and trainer disagree; None: off.
    """

    epsilon_low: float = 0.2
    epsilon_high: float = 0.2
    dual_clip: float | None = None
    beta: float = 0.04
    kl_estimator: KLEstimator = "k3"
    aggregation: Aggregation = "token_mean"
    importance_sampling_level: Literal["token", "sequence"] = "token"
    entropy_coefficient: float = 0.0
    mask_truncated_completions: bool = False
    sampling_correction: SamplingCorrection | None = None

    def __post_init__(self) -> None:
        if not self.beta >= 0.0:
            raise ValueError(
                f"beta is {self.beta}; it must be at least 0, which trains without a reference;"
                " the paper's is 0.04."
            )
        if self.dual_clip is not None and self.dual_clip <= 1.0 + self.epsilon_high:
            raise ValueError(
                f"dual_clip is {self.dual_clip}; it must exceed 1 + epsilon_high ="
                f" {1.0 + self.epsilon_high}, usual is 3. Set it to null to switch it off."
            )
        if not (0.0 <= self.epsilon_low < 1.0 and self.epsilon_high >= 0.0):
            raise ValueError(
                f"epsilon_low {self.epsilon_low} must lie in [0, 1) and epsilon_high"
                f" {self.epsilon_high} must not be negative; both are usually 0.2."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class LogProbs:
    """Log-probabilities of the completion tokens, each (N,) float32 at the sampling temperature."""

    policy: Tensor  # with gradient
    old: Tensor  # before this rollout's first update
    ref: Tensor | None  # under the frozen reference; None when beta is 0
    entropy: Tensor  # of the policy's next-token distribution


@dataclass(frozen=True, slots=True, kw_only=True)
class LossOutput:
    """This micro-batch's share of the optimizer step's loss and of its metrics; both add up.

    A metric is weighted by the share of the step's tokens that it is of, so that micro-batches add
    up to an optimizer step, optimizer steps count alike, and ranks count by their tokens.
    """

    loss: Tensor
    metrics: dict[str, Metric]


def grpo_loss(
    logps: LogProbs,
    batch: TrainBatch,
    *,
    token_weights: Tensor,  # (N,) of the loss, see sophia.grpo.batch.token_weights
    num_tokens: Tensor,  # () tokens in the loss, mean over ranks, whole optimizer step
    config: LossConfig,
) -> LossOutput:
    """Clipped policy loss + beta * KL - entropy_coefficient * entropy (arXiv:2402.03300, eq. 3).

    Tokens outside the loss have a weight of 0.
    """
    log_ratio = _log_ratio(logps, batch, config.importance_sampling_level)
    ratio = log_ratio.exp()
    advantages = batch.advantages[batch.sequence_ids]
    policy_loss = _clipped(ratio, advantages, config)
    if config.sampling_correction is not None:
        policy_loss = policy_loss * correction_weights(logps.old, batch, config.sampling_correction)
    per_token = policy_loss - config.entropy_coefficient * logps.entropy
    kl = None
    if logps.ref is not None:
        kl = kl_estimate(logps.policy, logps.ref, config.kl_estimator)
        per_token = per_token + config.beta * kl
    loss = (per_token * token_weights).sum()
    share = token_share(batch, num_tokens)
    metrics: dict[str, Metric] = {
        "loss": Mean(total=loss.detach(), count=share),
        "policy_loss": Mean(total=(policy_loss.detach() * token_weights).sum(), count=share),
        "entropy": mean_over_tokens(logps.entropy, batch, num_tokens),
        "ratio_mean": mean_over_tokens(ratio, batch, num_tokens),
        **_clip_metrics(ratio, advantages, batch, num_tokens, config),
        **mismatch_metrics(logps.old, batch, num_tokens),
    }
    if kl is not None:
        metrics["kl"] = mean_over_tokens(kl, batch, num_tokens)
    return LossOutput(loss=loss, metrics=metrics)


def _log_ratio(logps: LogProbs, batch: TrainBatch, level: Literal["token", "sequence"]) -> Tensor:
    """(N,) log of policy / old; per sequence its mean over the tokens (GSPO, arXiv:2507.18071)."""
    diff = logps.policy - logps.old
    if level == "sequence":
        ids, mask = batch.sequence_ids, batch.loss_mask.to(diff.dtype)
        zeros = diff.new_zeros(len(batch.lengths))
        totals = zeros.index_add(0, ids, diff * mask)
        counts = zeros.index_add(0, ids, mask).clamp(min=1.0)
        diff = (totals / counts)[ids]
    return diff.clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO)


def _clipped(ratio: Tensor, advantages: Tensor, config: LossConfig) -> Tensor:
    """(N,) the larger of clipped and unclipped loss; dual_clip bounds it where A is negative."""
    clipped = ratio.clamp(1.0 - config.epsilon_low, 1.0 + config.epsilon_high)
    loss = torch.maximum(-advantages * ratio, -advantages * clipped)
    if config.dual_clip is not None:
        bounded = torch.minimum(loss, -advantages * config.dual_clip)
        loss = torch.where(advantages < 0, bounded, loss)
    return loss


def _clip_metrics(
    ratio: Tensor, advantages: Tensor, batch: TrainBatch, num_tokens: Tensor, config: LossConfig
) -> dict[str, Metric]:
    """Shares of tokens whose gradient the clip cuts, by side, under TRL's names."""
    low = (ratio < 1.0 - config.epsilon_low) & (advantages < 0)
    high = (ratio > 1.0 + config.epsilon_high) & (advantages > 0)
    cut = {"low": low, "high": high, "region": low | high}
    return {
        f"clip_ratio/{side}_mean": mean_over_tokens(tokens, batch, num_tokens)
        for side, tokens in cut.items()
    }
