"""Low-rank adapters inside a model, as seen without peft: names, merged weights, switching off."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import torch
from torch import Tensor

from sophia.models.sharding import whole

NAME = "default"
_MARKS = (".lora_A.", ".lora_B.")


class Adapters(Protocol):
    """Puts adapters into a model (``sophia.models.lora.LoRA``)."""

    def inject(self, model: Any) -> None:
        """Adapt the model in place; everything but the adapters is frozen."""

    def initialise(self, model: Any) -> None:
        """Set the adapters' first values, with which the model computes what it did before."""


def is_adapter(name: str) -> bool:
    """Whether a parameter of this name belongs to an adapter."""
    return any(mark in name for mark in _MARKS)


def base_name(name: str) -> str:
    """The Hugging Face name of a parameter, whether or not an adapter wraps its layer."""
    return name.replace(".base_layer.", ".")


def adapted_layers(model: Any) -> dict[str, Any]:
    """The layers that carry an adapter, by the Hugging Face name of the weight that it adapts."""
    return {
        f"{name}.weight": module
        for name, module in model.named_modules()
        if hasattr(module, "lora_A") and hasattr(module, "base_layer")
    }


@contextlib.contextmanager
def adapters_off(model: Any) -> Iterator[None]:
    """Switch all adapters off inside the context: the model is its base, which is the reference."""
    layers = adapted_layers(model).values()
    scalings = [layer.scaling[NAME] for layer in layers]
    try:
        for layer in layers:
            layer.scaling[NAME] = 0.0
        yield
    finally:
        for layer, scaling in zip(layers, scalings, strict=True):
            layer.scaling[NAME] = scaling


def adapter_scaling(model: Any) -> float:
    """alpha / rank, which the updates of all layers are multiplied by; 0 without adapters."""
    return next((float(layer.scaling[NAME]) for layer in adapted_layers(model).values()), 0.0)


@torch.no_grad()
def merged_weight(layer: Any, dtype: torch.dtype, device: torch.device) -> Tensor:
    """The weight (out, in) of an adapted layer with its update, as a new tensor; added in float32.

    Every process must call this when the model is sharded.
    """
    down = whole(layer.lora_A[NAME].weight.to(device, torch.float32))  # (rank, in)
    up = whole(layer.lora_B[NAME].weight.to(device, torch.float32))  # (out, rank)
    base = whole(layer.base_layer.weight.to(device))  # (out, in)
    merged: Tensor = (base.float() + (up @ down) * layer.scaling[NAME]).to(dtype)
    return merged


def merged_state(state: Mapping[str, Tensor], scaling: float) -> dict[str, Tensor]:
    """A state dict with every update added to its weight: Hugging Face names, no adapters.

    ``scaling`` is alpha / rank, which updates are multiplied by.
    """
    merged = {base_name(n): value for n, value in state.items() if not is_adapter(n)}
    for name, up in state.items():
        if ".lora_B." in name:
            down = state[name.replace(".lora_B.", ".lora_A.")]
            own = name.split(".lora_B.")[0] + ".weight"
            base = merged[own]
            merged[own] = (base.float() + (up.float() @ down.float()) * scaling).to(base.dtype)
    return merged
