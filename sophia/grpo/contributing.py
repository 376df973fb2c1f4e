"""Which completions of an optimizer step can change it; the others need no forward or backward.

Shapes: B completions, N all their tokens in one flat row.
"""

from __future__ import annotations

import torch
from torch import Tensor

from sophia.types import TrainBatch


def contributing(batch: TrainBatch) -> Tensor:
    """(B,) bool: completions with an advantage and a token in the loss.

    Without KL and entropy bonus the gradient of every other completion is exactly 0.
    """
    in_loss = torch.zeros(len(batch.lengths), dtype=torch.bool)
    in_loss[batch.sequence_ids[batch.loss_mask]] = True
    return in_loss & (batch.advantages != 0)


def with_company(batch: TrainBatch, chosen: Tensor, *, least: int) -> Tensor:
    """(B,) bool: the chosen completions, and the shortest others that a step cannot do without.

    There are at least ``least`` in all, so that this process makes as many forwards as any other,
    and one with an image where the batch has images: then every parameter to which the whole batch
    gives a gradient has one, and the optimizer applies its decay and moments there as it would.
    """
    company = chosen.clone()
    shortest = batch.lengths.argsort(stable=True)
    seen = torch.tensor([prompt.image_grid_thw is not None for prompt in batch.prompts])
    with_image = seen[batch.group_ids]
    if with_image.any() and not (with_image & company).any():
        company[shortest[with_image[shortest]][0]] = True
    missing = max(least - int(company.sum()), 0)
    company[shortest[~company[shortest]][:missing]] = True
    return company
