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

from sophia.failures import RunStopped
from sophia.grpo.batch import (
    LossCounts,
    group_span,
    num_loss_sequences,
    select_sequences,
    slice_sequences,
    to_device,
    token_share,
    token_slice,
    token_weights,
)
from sophia.grpo.contributing import contributing, with_company
from sophia.grpo.loss import LogProbs, LossConfig, grpo_loss, metrics_without_forward
from sophia.grpo.micro_batches import TokenBudget
from sophia.metrics import Mean, Metric, as_floats, merged
from sophia.models.scorer import TokenScorer
from sophia.models.sharding import whole
from sophia.training.ranks import Ranks
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
        warmup_steps: RL steps over which the learning rate rises to its schedule.
        max_skipped_updates: how many optimizer steps in a row, skipped because their loss or
            gradient is not finite, stop the run; None: never. The learning rate follows RL steps,
            whatever was skipped in them.
    """

    optimizer_steps_per_rollout: int = 1
    num_iterations: int = 1
    micro_batch_tokens: int = 16384
    max_grad_norm: float = 1.0
    warmup_steps: int = 0
    max_skipped_updates: int | None = 3

    def __post_init__(self) -> None:
        for name in ("optimizer_steps_per_rollout", "num_iterations", "micro_batch_tokens"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1.")
        if not self.max_grad_norm > 0.0:
            raise ValueError(f"max_grad_norm is {self.max_grad_norm}; it must be above 0.")
        if not self.warmup_steps >= 0:
            raise ValueError(f"warmup_steps is {self.warmup_steps}; it must be at least 0.")
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

    def of(self, tokens: slice | Tensor) -> FixedLogProbs:
        """The log-probs of some of the tokens: a slice, or those that (N,) bool marks."""
        return FixedLogProbs(
            old=None if self.old is None else self.old[tokens],
            ref=None if self.ref is None else self.ref[tokens],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Updated:
    """What the optimizer steps of one rollout were; in ``metrics`` each counts alike."""

    metrics: dict[str, Metric]
    skipped: tuple[bool, ...]
    """Of each step, in order: whether its loss or gradient was not finite; equal on all ranks."""
    computed: Tensor
    """(B,) bool: completions that went through the model."""


class PolicyUpdate:
    """The optimizer steps of one rollout. Every rank runs the same forwards and backwards.

    Args:
        scorer: the policy that is trained.
        optimizer: steps its trained parameters.
        loss: what is minimised.
        config: how a rollout is cut into optimizer steps, and how gradients are clipped.
        max_new_tokens: the length limit, in tokens; ``constant_length`` aggregation divides by it.
        budget: how much one forward may hold.
        backward: computes the gradients of a loss (the trainer's, for precision and sharding).
        ranks: the processes of the run.
    """

    def __init__(
        self,
        scorer: TokenScorer,
        optimizer: Optimizer,
        *,
        loss: LossConfig,
        config: UpdateConfig,
        max_new_tokens: int,
        budget: TokenBudget,
        backward: Callable[[Tensor], None],
        ranks: Ranks,
    ) -> None:
        self._scorer = scorer
        self._optimizer = optimizer
        self._loss = loss
        self._config = config
        self._max_new_tokens = max_new_tokens
        self._budget = budget
        self._backward = backward
        self._ranks = ranks
        self._parameters = [p for p in scorer.parameters() if p.requires_grad]
        self._device = scorer.device

    def run(self, batch: TrainBatch, fixed: FixedLogProbs) -> Updated:
        """Take all optimizer steps of a rollout but those that are not finite.

        Raises:
            RunStopped: the user's own loss failed, and nothing was updated.
            ValueError: it failed after the first update.
        """
        num_groups, pieces = len(batch.prompts), self._config.optimizer_steps_per_rollout
        bounds = [round(i * num_groups / pieces) for i in range(pieces + 1)]
        steps: list[Updated] = []
        for first, last in [*pairwise(bounds)] * self._config.num_iterations:
            span = group_span(batch, first, last)
            tokens = token_slice(batch, *span)
            try:
                steps.append(self._step(slice_sequences(batch, *span), fixed.of(tokens)))
            except RunStopped as stopped:
                if steps:  # what is half done must not be saved as what is to be done
                    raise ValueError(
                        f"{stopped} That was after {len(steps)} of the updates of an RL step, which"
                        " is not saved: resume=true goes on from the last checkpoint."
                    ) from stopped
                raise
        return Updated(
            metrics=merged([step.metrics for step in steps]),
            skipped=tuple(skipped for step in steps for skipped in step.skipped),
            computed=torch.cat([step.computed for step in steps[:pieces]]),
        )

    def _step(self, batch: TrainBatch, fixed: FixedLogProbs) -> Updated:
        counts = self._loss_counts(batch)
        weights = token_weights(batch, self._loss.aggregation, counts)
        computed = self._computed(batch)
        tokens = computed[batch.sequence_ids]
        rows = [self._known(batch, fixed, computed, counts)]
        self._optimizer.zero_grad()
        rows += self._forwards_and_backwards(
            select_sequences(batch, computed), fixed.of(tokens), weights[tokens], counts
        )
        metrics = as_floats(merged(rows))
        norm, finite = self._apply(metrics["loss"])
        return Updated(
            metrics={
                **metrics,
                "grad_norm": Mean.of([norm]),
                "optim/skipped_steps": Mean.of([not finite]),
            },
            skipped=(not finite,),
            computed=computed,
        )

    def _computed(self, batch: TrainBatch) -> Tensor:
        """(B,) bool: completions that go through the model, the others could change nothing.

        A process with nothing to do computes as many completions as others make forwards.
        """
        if not self._loss.only_advantages_move:
            return torch.ones(len(batch.lengths), dtype=torch.bool)
        least = with_company(batch, contributing(batch), least=1)
        forwards = self._ranks.largest(self._budget.number(select_sequences(batch, least)))
        return with_company(batch, least, least=forwards)

    def _known(
        self, batch: TrainBatch, fixed: FixedLogProbs, computed: Tensor, counts: LossCounts
    ) -> dict[str, Metric]:
        """The metrics of completions that do not go through the model, and how many there are."""
        if not self._loss.only_advantages_move:
            return {}
        tokens = ~computed[batch.sequence_ids]
        rest, whole_share = select_sequences(batch, ~computed), token_share(batch, counts.tokens)
        num_groups = len(batch.prompts)
        left = num_groups - len(set(batch.group_ids[contributing(batch)].tolist()))
        return {
            **metrics_without_forward(rest, old=fixed.of(tokens).old, num_tokens=counts.tokens),
            "optim/frac_groups_left_out": Mean(total=float(left), count=float(num_groups)),
            "optim/frac_tokens_computed": Mean(
                total=whole_share - token_share(rest, counts.tokens), count=whole_share
            ),
        }

    def _forwards_and_backwards(
        self, batch: TrainBatch, fixed: FixedLogProbs, weights: Tensor, counts: LossCounts
    ) -> list[dict[str, Metric]]:
        rows = []
        for span in self._budget.spans(batch, most=self._ranks.largest):
            tokens = token_slice(batch, *span)
            micro = slice_sequences(batch, *span)
            rows.append(self._micro_step(micro, fixed.of(tokens), weights[tokens], counts))
        return rows

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

    def _apply(self, loss: Metric) -> tuple[float, bool]:
        """Clip and step; a step whose loss or gradient is not finite is skipped.

        Neither weights nor moments see anything of it. Returns the norm, and whether it stepped.
        """
        limit = self._config.max_grad_norm
        # The norm is of all shards together, and the loss that of all ranks (NaN on one of them is
        # NaN in the mean), so that every process takes the same decision.
        norm = whole(torch.nn.utils.clip_grad_norm_(self._parameters, limit))
        assert isinstance(loss, Mean)
        everywhere = self._ranks.mean(torch.tensor(float(loss.total), device=self._device))
        finite = bool(norm.isfinite() & everywhere.to(norm.device).isfinite())
        if finite:
            self._optimizer.step()
        else:
            self._optimizer.zero_grad()
        return float(norm), finite

    def _loss_counts(self, batch: TrainBatch) -> LossCounts:
        """What the loss is divided by: means over ranks, because gradients are averaged so."""
        counts = torch.tensor([float(batch.loss_mask.sum()), float(num_loss_sequences(batch))])
        mean = self._ranks.mean(counts.to(self._device)).cpu().clamp(min=1e-9)
        return LossCounts(tokens=mean[0], sequences=mean[1], max_new_tokens=self._max_new_tokens)
