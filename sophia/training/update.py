"""From a scored rollout to optimizer steps: pieces, micro-batches, clipping, skipping.

Shapes: B completions of a step on this rank, N all their tokens in one flat row.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor
from torch.optim import Optimizer

from sophia.grpo.advantages import Scale
from sophia.grpo.batch import (
    LossCounts,
    group_span,
    num_loss_sequences,
    slice_sequences,
    to_device,
    token_slice,
    token_weights,
)
from sophia.grpo.loss import LogProbs, LossConfig, grpo_loss
from sophia.grpo.micro_batches import SequenceSpan
from sophia.metrics import Mean, Metric, as_floats, merged
from sophia.models.scorer import TokenScorer
from sophia.models.sharding import whole
from sophia.types import TrainBatch


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateConfig:
    """How a rollout becomes optimizer steps.

    Args:
        optimizer_steps_per_rollout: how many pieces (of whole groups) a rollout is cut into, each
            of which is an optimizer step.
        num_iterations: how often a rollout is gone through, all its pieces each time.
        micro_batch_tokens: the most tokens of prompts, completions and images (a patch counted by
            what it costs) in a forward and backward; changes memory and speed, not the update.
        max_grad_norm: the global norm that gradients are clipped to.
        scale_rewards: whose standard deviation advantages are divided by: the group's, that of the
            batch over all ranks, or none.
        advantage_epsilon: what is added to that deviation before the division.
        warmup_steps: RL steps over which the learning rate rises to its schedule.
        max_skipped_updates: how many optimizer steps in a row, skipped because their loss or
            gradient is not finite, stop the run; None: never. The learning rate follows RL steps,
            whatever was skipped in them.
    """

    optimizer_steps_per_rollout: int = 1
    num_iterations: int = 1
    micro_batch_tokens: int = 16384
    max_grad_norm: float = 1.0
    scale_rewards: Scale = "group"
    advantage_epsilon: float = 1e-6
    warmup_steps: int = 0
    max_skipped_updates: int | None = 3

    def __post_init__(self) -> None:
        for name in ("optimizer_steps_per_rollout", "num_iterations", "micro_batch_tokens"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1.")
        if not self.max_grad_norm > 0.0:
            raise ValueError(f"max_grad_norm is {self.max_grad_norm}; it must be above 0.")
        for name in ("advantage_epsilon", "warmup_steps"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 0.")
        if self.max_skipped_updates is not None and self.max_skipped_updates < 1:
            raise ValueError(
                f"max_skipped_updates is {self.max_skipped_updates}; it must be at least 1, or null"
                " for a run that never stops for them."
            )

    @property
    def on_policy(self) -> bool:
        """Whether a rollout makes one optimizer step only, in which policy / old policy is 1."""
        return self.optimizer_steps_per_rollout == 1 and self.num_iterations == 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FixedLogProbs:
    """Log-probs (N,) that do not change during the update; None where they are not needed."""

    old: Tensor | None  # None: the detached policy, when there is one optimizer step
    ref: Tensor | None  # None: beta is 0

    def slice(self, tokens: slice) -> FixedLogProbs:
        """The log-probs of some of the tokens."""
        return FixedLogProbs(
            old=None if self.old is None else self.old[tokens],
            ref=None if self.ref is None else self.ref[tokens],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Updated:
    """What the optimizer steps of one rollout were.

    In ``metrics`` each step counts alike; ``skipped`` says of each, in order, whether it was left
    out because its loss or gradient was not finite: the same on all ranks.
    """

    metrics: dict[str, Metric]
    skipped: tuple[bool, ...]


class PolicyUpdate:
    """The optimizer steps of one rollout. Every rank runs the same forwards and backwards.

    Args:
        scorer: the policy that is trained.
        optimizer: steps its trained parameters.
        loss: what is minimised.
        config: how a rollout is cut into optimizer steps, and how gradients are clipped.
        max_new_tokens: the length limit, in tokens; ``constant_length`` aggregation divides by it.
        micro_batches: cuts a batch into as many spans of completions as on every other rank.
        backward: computes the gradients of a loss (the trainer's, for precision and sharding).
        mean_over_ranks: the mean of a tensor over all ranks; a collective.
    """

    def __init__(
        self,
        scorer: TokenScorer,
        optimizer: Optimizer,
        *,
        loss: LossConfig,
        config: UpdateConfig,
        max_new_tokens: int,
        micro_batches: Callable[[TrainBatch], list[SequenceSpan]],
        backward: Callable[[Tensor], None],
        mean_over_ranks: Callable[[Tensor], Tensor],
    ) -> None:
        self._scorer = scorer
        self._optimizer = optimizer
        self._loss = loss
        self._config = config
        self._max_new_tokens = max_new_tokens
        self._micro_batches = micro_batches
        self._backward = backward
        self._mean_over_ranks = mean_over_ranks
        self._parameters = [p for p in scorer.parameters() if p.requires_grad]
        self._device = scorer.device

    def run(self, batch: TrainBatch, fixed: FixedLogProbs) -> Updated:
        """Take all optimizer steps of a rollout but those that are not finite."""
        num_groups, pieces = len(batch.prompts), self._config.optimizer_steps_per_rollout
        bounds = [round(i * num_groups / pieces) for i in range(pieces + 1)]
        steps = []
        for _ in range(self._config.num_iterations):
            for first, last in pairwise(bounds):
                span = group_span(batch, first, last)
                tokens = token_slice(batch, *span)
                steps.append(self._step(slice_sequences(batch, *span), fixed.slice(tokens)))
        return Updated(
            metrics=merged([step.metrics for step in steps]),
            skipped=tuple(skipped for step in steps for skipped in step.skipped),
        )

    def _step(self, batch: TrainBatch, fixed: FixedLogProbs) -> Updated:
        counts = self._loss_counts(batch)
        weights = token_weights(batch, self._loss.aggregation, counts)
        self._optimizer.zero_grad()
        rows = []
        for span in self._micro_batches(batch):
            tokens = token_slice(batch, *span)
            micro = slice_sequences(batch, *span)
            rows.append(self._micro_step(micro, fixed.slice(tokens), weights[tokens], counts))
        metrics = as_floats(merged(rows))
        applied = self._apply(metrics["loss"])
        return Updated(metrics=metrics | applied.metrics, skipped=applied.skipped)

    def _micro_step(
        self, micro: TrainBatch, fixed: FixedLogProbs, weights: Tensor, counts: LossCounts
    ) -> dict[str, Metric]:
        scores = self._scorer(micro)
        new = scores.per_token_logps
        old = new.detach() if fixed.old is None else fixed.old
        micro = to_device(micro, self._device)
        output = grpo_loss(
            LogProbs(policy=new, old=old, ref=fixed.ref, entropy=scores.entropy),
            micro,
            token_weights=weights.to(self._device),
            num_tokens=counts.tokens.to(self._device),
            config=self._loss,
        )
        self._backward(output.loss)
        return output.metrics

    def _apply(self, loss: Metric) -> Updated:
        """Clip and step; a step whose loss or gradient is not finite is skipped.

        Neither weights nor moments see anything of it.
        """
        limit = self._config.max_grad_norm
        # The norm is of all shards together, and the loss that of all ranks (NaN on one of them is
        # NaN in the mean), so that every process takes the same decision.
        norm = whole(torch.nn.utils.clip_grad_norm_(self._parameters, limit))
        assert isinstance(loss, Mean)
        everywhere = self._mean_over_ranks(torch.tensor(float(loss.total), device=self._device))
        finite = bool(norm.isfinite() & everywhere.to(norm.device).isfinite())
        if finite:
            self._optimizer.step()
        else:
            self._optimizer.zero_grad()
        metrics: dict[str, Metric] = {
            "grad_norm": Mean.of([float(norm)]),
            "optim/skipped_steps": Mean.of([not finite]),
        }
        return Updated(metrics=metrics, skipped=(not finite,))

    def _loss_counts(self, batch: TrainBatch) -> LossCounts:
        """What the loss is divided by: means over ranks, because gradients are averaged so."""
        counts = torch.tensor([float(batch.loss_mask.sum()), float(num_loss_sequences(batch))])
        mean = self._mean_over_ranks(counts.to(self._device)).cpu().clamp(min=1e-9)
        return LossCounts(tokens=mean[0], sequences=mean[1], max_new_tokens=self._max_new_tokens)
