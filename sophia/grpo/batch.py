"""From rollouts to the flat, ragged TrainBatch, and its slices.

Shapes: G groups, B completions, N all their tokens in one flat row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from sophia.metrics import Mean
from sophia.types import Rollout, TrainBatch

Aggregation = Literal["token_mean", "sequence_mean", "constant_length"]


def build_train_batch(rollouts: Sequence[Rollout]) -> TrainBatch:
    """The rollouts' tokens in one flat row; advantages are zero until the scores are known."""
    completions = [c for rollout in rollouts for c in rollout.completions]
    lengths = torch.tensor([len(c.token_ids) for c in completions], dtype=torch.long)
    counts = torch.tensor([len(r.completions) for r in rollouts], dtype=torch.long)
    sequence_ids = torch.repeat_interleave(torch.arange(len(completions)), lengths)
    return TrainBatch(
        prompts=tuple(r.encoded for r in rollouts),
        group_ids=torch.repeat_interleave(torch.arange(len(rollouts)), counts),
        lengths=lengths,
        completion_ids=torch.tensor([t for c in completions for t in c.token_ids]).long(),
        sequence_ids=sequence_ids,
        sampling_per_token_logps=torch.tensor(
            [p for c in completions for p in c.sampling_logps], dtype=torch.float32
        ),
        loss_mask=torch.ones(len(sequence_ids), dtype=torch.bool),
        advantages=torch.zeros(len(completions)),
    )


def with_advantages(
    batch: TrainBatch,
    advantages: Tensor,  # (B,)
    in_loss: Tensor,  # (B,) bool: completions whose tokens enter the loss
) -> TrainBatch:
    """The batch with its advantages, and with the other completions' tokens out of the loss."""
    mask = batch.loss_mask & in_loss[batch.sequence_ids]
    return replace(batch, advantages=advantages, loss_mask=mask)


@dataclass(frozen=True, slots=True, kw_only=True)
class LossCounts:
    """What the loss of a whole optimizer step is divided by; tensors are means over ranks."""

    tokens: Tensor  # () tokens in the loss
    sequences: Tensor  # () completions with a token in the loss
    max_new_tokens: int  # the length limit, which ``constant_length`` divides by


def token_weights(batch: TrainBatch, aggregation: Aggregation, counts: LossCounts) -> Tensor:
    """(N,) what each token counts in the step's loss; sum(weights * loss) is the step's loss.

    Fixing the weights for a whole optimizer step before it is cut up makes every way of cutting it
    (micro-batches, ranks) give the same update.
    """
    mask = batch.loss_mask.float()
    if aggregation == "token_mean":
        return mask / counts.tokens
    if aggregation == "sequence_mean":
        lengths = torch.zeros(len(batch.lengths)).index_add(0, batch.sequence_ids, mask)
        return mask / lengths.clamp(min=1.0)[batch.sequence_ids] / counts.sequences
    return mask / (counts.sequences * counts.max_new_tokens)


def token_share(batch: TrainBatch, num_tokens: Tensor) -> Tensor:
    """() float64: tokens in the loss over ``num_tokens``, those of the step (mean over ranks)."""
    return batch.loss_mask.sum() / num_tokens.double()


def mean_over_tokens(
    values: Tensor,  # (N,)
    batch: TrainBatch,
    num_tokens: Tensor,  # () tokens in the loss, mean over ranks, whole optimizer step
) -> Mean:
    """This micro-batch's part in the optimizer step's mean over the tokens in the loss."""
    total = (values.detach() * (batch.loss_mask / num_tokens)).sum()
    return Mean(total=total, count=token_share(batch, num_tokens))


def num_loss_sequences(batch: TrainBatch) -> int:
    """Completions with at least one token in the loss."""
    return len(set(batch.sequence_ids[batch.loss_mask].tolist()))


def group_span(batch: TrainBatch, start: int, stop: int) -> tuple[int, int]:
    """The (start, stop) of the completions that belong to groups start..stop-1."""
    inside = ((batch.group_ids >= start) & (batch.group_ids < stop)).nonzero().flatten()
    return int(inside[0]), int(inside[-1]) + 1


def slice_sequences(batch: TrainBatch, start: int, stop: int) -> TrainBatch:
    """Completions start..stop-1 (of any groups) as a batch of their own."""
    tokens = token_slice(batch, start, stop)
    groups = batch.group_ids[start:stop]
    first, last = int(groups[0]), int(groups[-1])
    return TrainBatch(
        prompts=batch.prompts[first : last + 1],
        group_ids=groups - first,
        lengths=batch.lengths[start:stop],
        completion_ids=batch.completion_ids[tokens],
        sequence_ids=batch.sequence_ids[tokens] - start,
        sampling_per_token_logps=batch.sampling_per_token_logps[tokens],
        loss_mask=batch.loss_mask[tokens],
        advantages=batch.advantages[start:stop],
    )


def select_sequences(batch: TrainBatch, chosen: Tensor) -> TrainBatch:
    """The completions that ``chosen`` (B,) bool marks, with their prompts only."""
    tokens = chosen[batch.sequence_ids]
    groups, group_ids = batch.group_ids[chosen].unique(return_inverse=True)  # type: ignore[no-untyped-call]
    places = chosen.cumsum(0) - 1
    return TrainBatch(
        prompts=tuple(batch.prompts[group] for group in groups.tolist()),
        group_ids=group_ids,
        lengths=batch.lengths[chosen],
        completion_ids=batch.completion_ids[tokens],
        sequence_ids=places[batch.sequence_ids[tokens]],
        sampling_per_token_logps=batch.sampling_per_token_logps[tokens],
        loss_mask=batch.loss_mask[tokens],
        advantages=batch.advantages[chosen],
    )


def token_slice(batch: TrainBatch, start: int, stop: int) -> slice:
    """Where the tokens of completions start..stop-1 lie in the flat row."""
    ends = batch.lengths.cumsum(0)
    begin = int(ends[start - 1]) if start else 0
    return slice(begin, int(ends[stop - 1]))


def to_device(batch: TrainBatch, device: torch.device) -> TrainBatch:
    """The batch with all that the loss reads on a device; prompts and ids stay where they are."""
    return replace(
        batch,
        sequence_ids=batch.sequence_ids.to(device),
        lengths=batch.lengths.to(device),
        loss_mask=batch.loss_mask.to(device),
        advantages=batch.advantages.to(device),
        sampling_per_token_logps=batch.sampling_per_token_logps.to(device),
    )
