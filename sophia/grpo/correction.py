"""Weights for completions that another numerical policy drew: the engine's, not the trainer's.

The ratio is exp(old - sampling), both under softmax(logits / temperature) over the whole
vocabulary. Shapes: B completions, N all their tokens in one flat row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from sophia.grpo.batch import mean_over_tokens
from sophia.grpo.kl import MAX_LOG_RATIO
from sophia.metrics import Max, Metric, Min
from sophia.types import TrainBatch

Level = Literal["token", "sequence_product", "sequence_geometric_mean"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingCorrection:
    """How a token's loss is weighted by the ratio of trainer to sampler.

    Args:
        level: the weight is a token's own ratio, or its completion's: the product over the tokens
            (unbiased, of high variance) or their geometric mean.
        action: ``truncate`` bounds the weight from above at ``upper`` (TIS). ``mask`` leaves
            weights alone but drops what lies outside [lower, upper] (IcePop).
        lower: the smallest ratio that ``mask`` keeps, at least 0; ``truncate`` does not look at it.
        upper: the largest ratio that ``mask`` keeps, or the weight that ``truncate`` bounds at.
        mask_level: the level of the ratio that ``mask`` compares with the bounds. Weights of tokens
            with a mask of their completion's geometric mean are known as seq-mask-tis.
    """

    level: Level = "token"
    action: Literal["truncate", "mask"] = "truncate"
    lower: float = 0.0
    upper: float = 2.0
    mask_level: Level = "token"

    def __post_init__(self) -> None:
        if not 0.0 <= self.lower < self.upper:
            raise ValueError(
                f"sampling_correction has lower={self.lower}, upper={self.upper}; expected"
                " 0 <= lower < upper, usual are 0 and 2, or 0.5 and 5 to mask."
            )


def correction_weights(
    old: Tensor,  # (N,) of the trainer before this rollout's first update
    batch: TrainBatch,
    config: SamplingCorrection,
) -> Tensor:
    """(N,) what each token's policy loss is multiplied by, float32, detached; 0 for a NaN ratio."""
    log_ratio = sampling_log_ratio(old, batch)
    weights = _ratio(log_ratio, batch, config.level)
    if config.action == "truncate":
        weights = weights.clamp(max=config.upper)
    else:
        compared = _ratio(log_ratio, batch, config.mask_level)
        weights = torch.where((compared >= config.lower) & (compared <= config.upper), weights, 0.0)
    return weights.nan_to_num(0.0)


def sampling_log_ratio(old: Tensor, batch: TrainBatch) -> Tensor:
    """(N,) the log of what the trainer gives a token over what the sampler gave it, detached."""
    return old.detach().float() - batch.sampling_per_token_logps


def mismatch_metrics(
    old: Tensor,  # (N,)
    batch: TrainBatch,
    num_tokens: Tensor,  # () tokens in the loss, mean over ranks, whole optimizer step
) -> dict[str, Metric]:
    """How far sampler and trainer are apart, on tokens in the loss, under TRL's names."""
    log_ratio = sampling_log_ratio(old, batch)
    ratio = log_ratio.clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO).exp()
    inside = batch.loss_mask
    apart = log_ratio.abs()
    prefix = "sampling/importance_sampling_ratio"
    return {
        "sampling/sampling_logp_difference/mean": mean_over_tokens(apart, batch, num_tokens),
        "sampling/sampling_logp_difference/max": Max(
            largest=torch.where(inside, apart, -torch.inf).max()
        ),
        f"{prefix}/mean": mean_over_tokens(ratio, batch, num_tokens),
        f"{prefix}/min": Min(smallest=torch.where(inside, ratio, torch.inf).min()),
        f"{prefix}/max": Max(largest=torch.where(inside, ratio, -torch.inf).max()),
        "sampling/k3_kl": mean_over_tokens(ratio - 1.0 - log_ratio, batch, num_tokens),
    }


def _ratio(log_ratio: Tensor, batch: TrainBatch, level: Level) -> Tensor:
    """(N,) a token's ratio or its completion's, which tokens outside the loss do not enter."""
    if level != "token":
        inside = batch.loss_mask.to(log_ratio.dtype)
        zeros = log_ratio.new_zeros(len(batch.lengths))
        totals = zeros.index_add(0, batch.sequence_ids, log_ratio * inside)
        if level == "sequence_geometric_mean":
            totals = totals / zeros.index_add(0, batch.sequence_ids, inside).clamp(min=1.0)
        log_ratio = totals[batch.sequence_ids]
    return log_ratio.clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO).exp()
