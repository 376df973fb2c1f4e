"""How the completions of a batch are laid out for the model.

Shapes: B completions, L the padded length of naive rows, T tokens of a packed row, N completion
tokens in one flat row, H hidden size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.distributed.tensor import DTensor

from sophia.models.family import tower_of, vision_module
from sophia.types import EncodedPrompt, TrainBatch


class BatchRows(Protocol):
    """A layout of a batch: computes what predicts each completion token."""

    def hidden(self, model: Any) -> Tensor:
        """(N, H) the hidden states that predict the completion tokens."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pixels:
    """Images of several prompts, patches one after the other."""

    values: Tensor  # (patches, patch_dim)
    grid_thw: Tensor  # (images, 3)


def collect_pixels(prompts: list[EncodedPrompt], device: torch.device) -> Pixels | None:
    """All images of the prompts, in order, on the device; None without images."""
    values = [p.pixel_values for p in prompts if p.pixel_values is not None]
    grids = [p.image_grid_thw for p in prompts if p.image_grid_thw is not None]
    if not values:
        return None
    return Pixels(values=torch.cat(values).to(device), grid_thw=torch.cat(grids).to(device))


class NaiveRows:
    """Every completion behind its own copy of the prompt, padded on the right.

    The reference path: nothing is shared, so nothing can be shared wrongly.
    """

    def __init__(self, batch: TrainBatch, *, device: torch.device) -> None:
        prompts = [batch.prompts[g] for g in batch.group_ids.tolist()]
        prompt_lengths = torch.tensor([len(p.prompt_ids) for p in prompts])
        sizes = prompt_lengths + batch.lengths
        shape = len(prompts), int(sizes.max())
        input_ids = torch.zeros(shape, dtype=torch.long)
        types = torch.zeros(shape, dtype=torch.long)
        completions = torch.split(batch.completion_ids, batch.lengths.tolist())
        for row, (prompt, completion) in enumerate(zip(prompts, completions, strict=True)):
            length = len(prompt.prompt_ids)
            input_ids[row, :length] = prompt.prompt_ids
            types[row, :length] = prompt.mm_token_type_ids
            input_ids[row, length : length + len(completion)] = completion
        starts = batch.lengths.cumsum(0) - batch.lengths
        offset = torch.arange(len(batch.completion_ids)) - starts[batch.sequence_ids]
        column = prompt_lengths[batch.sequence_ids] - 1 + offset
        self.input_ids = input_ids.to(device)  # (B, L)
        self._types = types.to(device)  # (B, L)
        mask = torch.arange(shape[1])[None] < sizes[:, None]
        self._mask = mask.long().to(device)  # (B, L)
        self._places = batch.sequence_ids.to(device), column.to(device)  # (N,), (N,)
        self._pixels = collect_pixels(prompts, device)

    def hidden(self, model: Any) -> Tensor:
        """(N, H) the hidden states that predict the completion tokens, from one padded forward."""
        inputs = token_inputs(model, self.input_ids, has_images=self._pixels is not None)
        if self._pixels is not None:
            merged = model.config.vision_config.spatial_merge_size**2
            num_features = int(self._pixels.grid_thw.prod(dim=1).sum()) // merged
            check_image_tokens(model.config, self.input_ids, num_features)
            inputs["pixel_values"] = self._pixels.values
            inputs["image_grid_thw"] = self._pixels.grid_thw
        if hasattr(model.model, "get_rope_index"):
            # From the model's own rule, never from its cached state.
            inputs["position_ids"] = model.model.get_rope_index(
                self.input_ids,
                mm_token_type_ids=self._types,
                image_grid_thw=inputs.get("image_grid_thw"),
                attention_mask=self._mask,
            )[0]
        output = model.model(attention_mask=self._mask, use_cache=False, **inputs)
        return output.last_hidden_state[self._places]  # type: ignore[no-any-return]


def token_inputs(model: Any, input_ids: Tensor, *, has_images: bool) -> dict[str, Any]:
    """What the model is given for its tokens: their ids, or without images their embeddings.

    The tower runs in either case, on an empty image that counts nothing: other processes may have
    images, sharded towers run on all processes or hang, and a parameter without a gradient on one
    process would be missing from the mean over all.
    """
    tower = vision_module(model)
    if has_images or tower is None or not any(map(_needs_all_processes, tower.parameters())):
        return {"input_ids": input_ids}
    embeddings = model.get_input_embeddings()(input_ids)
    nothing = _empty_image_features(model, input_ids.device).to(embeddings.dtype)
    return {"inputs_embeds": embeddings + 0.0 * nothing}


def _needs_all_processes(parameter: Tensor) -> bool:
    return parameter.requires_grad or isinstance(parameter, DTensor)


def _empty_image_features(model: Any, device: torch.device) -> Tensor:
    """() the sum of all features of one black image, as small as an image can be."""
    tower = tower_of(model.config)
    assert tower is not None, "only a model with a tower is asked for its features"
    values, grid = tower.smallest_image(model.config.vision_config)
    features = model.model.get_image_features(values.to(device), grid.to(device), return_dict=True)
    layers = [*features.pooler_output, *(getattr(features, "deepstack_features", None) or ())]
    return torch.stack([layer.float().sum() for layer in layers]).sum()


def check_image_tokens(config: Any, input_ids: Tensor, num_features: int) -> None:
    """Raise ValueError unless rows have a placeholder per image feature; one more would shift all.

    ``input_ids`` may have any shape.
    """
    placeholders = int((input_ids == config.image_token_id).sum())
    if placeholders != num_features:
        raise ValueError(
            f"the rows hold {placeholders} image placeholder tokens but {num_features} image"
            " features; was a media token sampled, or a prompt cut inside an image?"
        )
