"""The GRPO loss on flat rows.

Shapes: B completions, N all their tokens in one flat row; sequence_ids (N,) say whose each is.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor

from sophia.grpo.batch import Aggregation, mean_over_tokens, to_device, token_share
from sophia.grpo.correction import SamplingCorrection, correction_weights, mismatch_metrics
from sophia.grpo.kl import KLEstimator, kl_estimate
from sophia.grpo.losses.clipped import Clipped
from sophia.grpo.losses.policy_loss import PolicyLoss, PolicyTerm
from sophia.metrics import Mean, Metric
from sophia.types import TrainBatch


@dataclass(frozen=True, slots=True, kw_only=True)
class LossConfig:
    """Which loss is minimised: the policy's, KL, entropy, and what token losses are divided by.

    Args:
        policy: the loss of a token by its advantage and by how far the policy has moved.
        beta: the weight of the KL to the reference; 0 needs no reference.
        kl_estimator: how that KL is estimated, see ``sophia.grpo.kl``.
        aggregation: what token losses are divided by. ``token_mean``: the step's tokens;
            ``sequence_mean``: a completion's tokens, then the completions; ``constant_length``:
            completions * max_new_tokens (Dr.GRPO), so that a token's weight knows no length.
        entropy_coefficient: the weight of the entropy, which is subtracted from the loss.
        mask_truncated_completions: whether completions cut by the length limit leave the loss.
        sampling_correction: weighs tokens by how far engine and trainer disagree; None: off.
    """

    policy: PolicyLoss = field(default_factory=Clipped)
    beta: float = 0.04
    kl_estimator: KLEstimator = "k3"
    aggregation: Aggregation = "token_mean"
    entropy_coefficient: float = 0.0
    mask_truncated_completions: bool = False
    sampling_correction: SamplingCorrection | None = None

    def __post_init__(self) -> None:
        if not self.beta >= 0.0:
            raise ValueError(
                f"beta is {self.beta}; it must be at least 0, which trains without a reference;"
                " the paper's is 0.04."
            )

    @property
    def only_advantages_move(self) -> bool:
        """Whether a completion with an advantage of 0 has no gradient at all."""
        multiple = self.policy.multiple_of_advantage
        return multiple and self.beta == 0.0 and self.entropy_coefficient == 0.0


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
    """Policy loss + beta * KL - entropy_coefficient * entropy (arXiv:2402.03300, eq. 3).

    Tokens outside the loss have a weight of 0.
    """
    term = config.policy(logps.policy, logps.old, batch)
    policy_loss = term.loss
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
        "ratio_mean": mean_over_tokens(term.ratio, batch, num_tokens),
        **_clip_metrics(term, batch, num_tokens),
        **mismatch_metrics(logps.old, batch, num_tokens),
    }
    if kl is not None:
        metrics["kl"] = mean_over_tokens(kl, batch, num_tokens)
    return LossOutput(loss=loss, metrics=metrics)


def metrics_without_forward(
    batch: TrainBatch,
    *,
    old: Tensor | None,  # (N,) where it is known
    num_tokens: Tensor,  # () tokens in the loss, mean over ranks, whole optimizer step
) -> dict[str, Metric]:
    """What is known of completions that give no gradient: they are nothing in the loss."""
    share = token_share(batch, num_tokens)
    none = ("loss", "policy_loss", *(f"clip_ratio/{side}_mean" for side in _SIDES))
    known: dict[str, Metric] = {name: Mean(total=0.0, count=share) for name in none}
    if old is None or not len(old):
        return known
    return known | mismatch_metrics(old, to_device(batch, old.device), num_tokens.to(old.device))


_SIDES = ("low", "high", "region")


def _clip_metrics(term: PolicyTerm, batch: TrainBatch, num_tokens: Tensor) -> dict[str, Metric]:
    """Shares of tokens whose gradient the loss cuts, by side, under TRL's names."""
    low, high = term.cut["low"], term.cut["high"]
    cut = {"low": low, "high": high, "region": low | high}
    return {
        f"clip_ratio/{side}_mean": mean_over_tokens(tokens, batch, num_tokens)
        for side, tokens in cut.items()
    }
