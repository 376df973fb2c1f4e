"""The policy's weights under Hugging Face names, put together from shards and adapters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from sophia.models.adapters import adapted_layers, base_name, is_adapter, merged_weight
from sophia.models.sharding import whole


def trained_weights(
    model: Any, *, dtype: torch.dtype | None = None
) -> Iterator[tuple[str, Tensor]]:
    """What training changes, one whole tensor at a time; adapters arrive merged, as copies.

    A sharded model gathers one tensor when it is asked for, so no more than one is held here, and
    every process must go through the whole iterator. ``dtype`` rounds before gathering.
    """
    adapted = adapted_layers(model)
    for name, layer in adapted.items():
        yield name, merged_weight(layer, dtype or layer.base_layer.weight.dtype)
    for name, parameter in model.named_parameters():
        if parameter.requires_grad and not is_adapter(name):
            yield name, _gathered(parameter, dtype)


def all_weights(model: Any, *, dtype: torch.dtype | None = None) -> Iterator[tuple[str, Tensor]]:
    """Every parameter, frozen ones too; tied ones once. Otherwise as ``trained_weights``."""
    adapted = adapted_layers(model)
    for name, parameter in model.named_parameters():
        if is_adapter(name):
            continue
        own = base_name(name)
        if own in adapted:
            yield own, merged_weight(adapted[own], dtype or parameter.dtype)
        else:
            yield own, _gathered(parameter, dtype)


def _gathered(parameter: Tensor, dtype: torch.dtype | None) -> Tensor:
    value = parameter.detach()
    return whole(value if dtype is None else value.to(dtype))
