"""Features of images from a vision tower that never changes: once per rollout, for every pass.

Shapes: F features (one per image token) of all images of a prompt, H hidden size.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.distributed.tensor import DTensor

from sophia.models.family import vision_module
from sophia.types import EncodedPrompt

_MAX_PATCHES = 16384
"""The most in one forward of the tower; 16384 patches of 14 x 14 pixels are 3.2 megapixels."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ImageOutputs:
    """What a body takes in place of pixels, under the names of ``get_image_features``."""

    pooler_output: Sequence[Tensor]  # (F, H) of each prompt
    deepstack_features: Sequence[Sequence[Tensor]]  # one row per decoder layer that takes them


def image_outputs(features: Sequence[tuple[Tensor, ...]], device: torch.device) -> ImageOutputs:
    """The image features of several prompts, in order, as a body takes them, on ``device``."""
    first, *deeper = zip(*features, strict=True)
    return ImageOutputs(
        pooler_output=[f.to(device) for f in first],
        deepstack_features=[[f.to(device) for f in layer] for layer in deeper],
    )


def has_constant_tower(model: Any) -> bool:
    """Whether there is a vision tower, none of it is trained, and this process has all of it."""
    tower = vision_module(model)
    return tower is not None and not any(
        p.requires_grad or isinstance(p, DTensor) for p in tower.parameters()
    )


@torch.no_grad()
def with_image_features(
    model: Any, prompts: Sequence[EncodedPrompt], *, device: torch.device
) -> tuple[EncodedPrompt, ...]:
    """The prompts with the features of their images, by a vision tower that is never trained.

    A prompt without images gets none.
    """
    known: dict[int, tuple[Tensor, ...]] = {}
    for places in _batches(prompts):
        values = torch.cat([_present(prompts[i].pixel_values) for i in places])
        grids = torch.cat([_present(prompts[i].image_grid_thw) for i in places])
        output = model.model.get_image_features(
            values.to(device), grids.to(device), return_dict=True
        )
        layers = [output.pooler_output, *(getattr(output, "deepstack_features", None) or ())]
        sizes = [len(_present(prompts[i].image_grid_thw)) for i in places]
        for place, images in zip(places, _runs(layers, sizes), strict=True):
            known[place] = images
    return tuple(replace(p, image_features=known.get(i, ())) for i, p in enumerate(prompts))


def _batches(prompts: Sequence[EncodedPrompt]) -> Iterator[list[int]]:
    """Indices of the prompts with images, as many at a time as the tower takes."""
    batch: list[int] = []
    patches = 0
    for place, prompt in enumerate(prompts):
        if prompt.pixel_values is None:
            continue
        own = len(prompt.pixel_values)
        if batch and patches + own > _MAX_PATCHES:
            yield batch
            batch, patches = [], 0
        batch.append(place)
        patches += own
    if batch:
        yield batch


def _runs(layers: Sequence[Sequence[Tensor]], sizes: Sequence[int]) -> Iterator[tuple[Tensor, ...]]:
    """Each prompt's features, a tensor per layer; ``sizes`` say how many images each prompt has."""
    start = 0
    for size in sizes:
        yield tuple(torch.cat(tuple(layer[start : start + size])) for layer in layers)
        start += size


def _present(tensor: Tensor | None) -> Tensor:
    assert tensor is not None, "a prompt has pixels and a grid, or neither"
    return tensor
