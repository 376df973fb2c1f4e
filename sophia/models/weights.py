"""The policy's weights under Hugging Face names, put together from shards and adapters."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from sophia.models.adapters import adapted_layers, base_name, is_adapter, merged_weight
from sophia.models.sharding import whole


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrainedWeight:
    """A weight that training changes, wherever its parts lie."""

    name: str
    """The Hugging Face name."""
    base: Tensor
    """The parameter itself, perhaps sharded; under an adapter it is frozen."""
    adapted: nn.Module | None
    """The layer whose adapter adds to ``base``; None where there is no adapter."""
    dtype: torch.dtype
    """The type of the whole; shards are rounded to it before they are gathered."""
    device: torch.device
    """Where the whole is put together; shards may be kept on the CPU."""

    @property
    def shape(self) -> torch.Size:
        """The shape of the whole weight."""
        return self.base.shape

    @property
    def num_bytes(self) -> int:
        """The size of the whole weight in ``dtype``, in bytes."""
        return self.base.numel() * self.dtype.itemsize

    def whole(self) -> Tensor:
        """All shards together and the adapter merged; every process must call this, for it gathers.

        Where there is nothing to put together it is the parameter's own memory: do not write to it.
        """
        if self.adapted is not None:
            return merged_weight(self.adapted, self.dtype, self.device)
        return whole(self.base.detach().to(self.device, self.dtype))

    @contextmanager
    def scaled(self, factor: float) -> Iterator[None]:
        """Multiply ``base`` in place; afterwards it is bit for bit what it was."""
        base = self.base.detach()
        kept = base.clone()
        base.mul_(factor)
        try:
            yield
        finally:
            base.copy_(kept)


def trained_weights(model: Any, *, dtype: torch.dtype | None = None) -> Iterator[TrainedWeight]:
    """The weights that training changes; an adapter counts as part of the weight that it adapts.

    ``dtype`` is the type of the whole weights; None keeps that of each parameter.
    """
    for weight in _weights(model, dtype):
        if weight.base.requires_grad or weight.adapted is not None:
            yield weight


def all_weights(model: Any, *, dtype: torch.dtype | None = None) -> Iterator[tuple[str, Tensor]]:
    """Every weight whole, frozen ones too; tied ones once, adapters merged.

    One is gathered when it is asked for, so every process must go through the whole iterator.
    """
    for weight in _weights(model, dtype):
        yield weight.name, weight.whole()


def _weights(model: Any, dtype: torch.dtype | None) -> Iterator[TrainedWeight]:
    adapted = adapted_layers(model)
    # Tables of rotary angles are never offloaded: they lie where the model computes.
    device = next(model.buffers()).device
    for name, parameter in model.named_parameters():
        if not is_adapter(name):
            own = base_name(name)
            yield TrainedWeight(
                name=own,
                base=parameter,
                adapted=adapted.get(own),
                dtype=dtype or parameter.dtype,
                device=device,
            )
