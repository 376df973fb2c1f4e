"""The policy's weights under Hugging Face names, put together from shards and adapters."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor
from torch.distributed.tensor import DTensor

from sophia.models.adapters import adapted_layers, base_name, is_adapter, merged_weight
from sophia.models.sharding import whole


class PartedWeight:
    """A weight in parts (shards, adapters) that ``full_tensor`` puts together on demand.

    Stands where a tensor would: it has a size, and what is done to it in place is done to the
    parameter that it is made of. Every process must call ``full_tensor``.
    """

    def __init__(
        self, base: Tensor, put_together: Callable[[], Tensor], dtype: torch.dtype
    ) -> None:
        self._base = base
        self._put_together = put_together
        self._dtype = dtype

    @property
    def shape(self) -> torch.Size:
        """Of the whole."""
        return self._base.shape

    @property
    def ndim(self) -> int:
        """Of the whole."""
        return self._base.ndim

    def numel(self) -> int:
        """Of the whole."""
        return self._base.numel()

    def element_size(self) -> int:
        """Bytes of an element of the whole."""
        return self._dtype.itemsize

    def full_tensor(self) -> Tensor:
        """The whole, as a new tensor on the device that the model computes on."""
        return self._put_together()

    def clone(self) -> Tensor:
        """Of the parameter."""
        return self._base.clone()

    def mul_(self, factor: float) -> Tensor:
        """In the parameter."""
        return self._base.mul_(factor)

    def copy_(self, value: Tensor) -> Tensor:
        """Into the parameter."""
        return self._base.copy_(value)


def trained_weights(
    model: Any, *, dtype: torch.dtype | None = None
) -> Iterator[tuple[str, Tensor]]:
    """What training changes: parameters themselves, and ``PartedWeight`` for those in parts.

    A layer with an adapter arrives merged, as a copy. ``dtype`` is that of weights in parts; they
    are rounded to it before they are gathered.
    """
    adapted, device = adapted_layers(model), _device(model)
    for name, layer in adapted.items():
        base = layer.base_layer.weight.detach()
        kind = dtype or base.dtype
        yield name, _parted(base, partial(merged_weight, layer, kind, device), kind)
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad or is_adapter(name):
            continue
        value = parameter.detach()
        if isinstance(value, DTensor):
            kind = dtype or value.dtype
            yield name, _parted(value, partial(_gathered, value, kind, device), kind)
        else:
            yield name, value


def all_weights(model: Any, *, dtype: torch.dtype | None = None) -> Iterator[tuple[str, Tensor]]:
    """Every parameter whole, frozen ones too; tied ones once, adapters merged.

    One is gathered when it is asked for, so every process must go through the whole iterator.
    """
    adapted, device = adapted_layers(model), _device(model)
    for name, parameter in model.named_parameters():
        if is_adapter(name):
            continue
        own, kind = base_name(name), dtype or parameter.dtype
        if own in adapted:
            yield own, merged_weight(adapted[own], kind, device)
        else:
            yield own, _gathered(parameter.detach(), kind, device)


def _parted(base: Tensor, put_together: Callable[[], Tensor], dtype: torch.dtype) -> Tensor:
    return cast("Tensor", PartedWeight(base, put_together, dtype))


def _gathered(value: Tensor, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Put together on the device, even of shards that are kept on the CPU."""
    return whole(value.to(device, dtype))


def _device(model: Any) -> torch.device:
    """Where the model computes: tables of rotary angles are never offloaded."""
    device: torch.device = next(model.buffers()).device
    return device
