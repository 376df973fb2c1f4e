"""Naive rows: every completion behind its own copy of the prompt, padded on the right.

Shapes: B rows, L their padded length, N completion tokens in one flat row. This is the reference
path: nothing is shared, so nothing can be shared wrongly.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from sophia.types import TrainBatch


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rows:
    """What the model reads, and where the completion tokens are predicted."""

    input_ids: Tensor  # (B, L) int64
    attention_mask: Tensor  # (B, L) int64
    mm_token_type_ids: Tensor  # (B, L) int64
    pixel_values: Tensor | None  # (patches, patch_dim)
    image_grid_thw: Tensor | None  # (images, 3)
    row_of_token: Tensor  # (N,) int64
    column_of_token: Tensor  # (N,) int64: the position whose output predicts the token
    completion_ids: Tensor  # (N,) int64


def naive_rows(batch: TrainBatch, *, device: torch.device) -> Rows:
    """The rows of all completions of a batch, in order."""
    prompts = [batch.prompts[g] for g in batch.group_ids.tolist()]
    prompt_lengths = torch.tensor([len(p.prompt_ids) for p in prompts])
    sizes = prompt_lengths + batch.lengths
    shape = len(prompts), int(sizes.max())
    input_ids = torch.zeros(shape, dtype=torch.long)
    types = torch.zeros(shape, dtype=torch.long)
    mask = (torch.arange(shape[1])[None] < sizes[:, None]).long()
    completions = torch.split(batch.completion_ids, batch.lengths.tolist())
    for row, (prompt, completion) in enumerate(zip(prompts, completions, strict=True)):
        length = len(prompt.prompt_ids)
        input_ids[row, :length] = prompt.prompt_ids
        types[row, :length] = prompt.mm_token_type_ids
        input_ids[row, length : length + len(completion)] = completion
    starts = batch.lengths.cumsum(0) - batch.lengths
    offset = torch.arange(len(batch.completion_ids)) - starts[batch.sequence_ids]
    pixels = [p.pixel_values for p in prompts if p.pixel_values is not None]
    grids = [p.image_grid_thw for p in prompts if p.image_grid_thw is not None]
    return Rows(
        input_ids=input_ids.to(device),
        attention_mask=mask.to(device),
        mm_token_type_ids=types.to(device),
        pixel_values=torch.cat(pixels).to(device) if pixels else None,
        image_grid_thw=torch.cat(grids).to(device) if grids else None,
        row_of_token=batch.sequence_ids.to(device),
        column_of_token=(prompt_lengths[batch.sequence_ids] - 1 + offset).to(device),
        completion_ids=batch.completion_ids.to(device),
    )
