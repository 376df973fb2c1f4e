"""The batch of a step with the advantages that follow from its rewards.

Shapes: B completions of a step on this rank.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from sophia.grpo.advantages import Scale, group_advantages
from sophia.grpo.batch import with_advantages
from sophia.grpo.scores import collate_scores
from sophia.training.update import UpdateConfig
from sophia.types import ScoredGroup, TrainBatch


def with_scores(
    batch: TrainBatch,
    groups: Sequence[ScoredGroup],
    *,
    config: UpdateConfig,
    mask_truncated: bool,
    everywhere: Callable[[Tensor], Tensor],
) -> TrainBatch:
    """The batch with an advantage for each completion; those that have none leave the loss.

    Args:
        batch: the completions, in the order of the groups.
        groups: their rewards.
        config: what advantages are divided by.
        mask_truncated: whether completions cut by the length limit leave the loss too.
        everywhere: gathers a tensor from all ranks; a collective.
    """
    scores = collate_scores(groups)
    advantages = group_advantages(
        scores.rewards,
        batch.group_ids,
        scores.valid,
        scale=config.scale_rewards,
        epsilon=config.advantage_epsilon,
        batch_std=_batch_std(scores.rewards, scores.valid, config.scale_rewards, everywhere),
    )
    in_loss = scores.valid & ~scores.truncated if mask_truncated else scores.valid
    return with_advantages(batch, advantages, in_loss)


def _batch_std(
    rewards: Tensor,  # (B,)
    valid: Tensor,  # (B,) bool
    scale: Scale,
    everywhere: Callable[[Tensor], Tensor],
) -> Tensor | None:
    """() the deviation of rewards over all ranks, which hold equally many completions each.

    None where advantages are not divided by it.
    """
    if scale != "batch":
        return None
    gathered = everywhere(torch.where(valid, rewards, torch.nan).float()).flatten().cpu()
    known = gathered[~gathered.isnan()]
    return known.std() if len(known) > 1 else torch.zeros(())
