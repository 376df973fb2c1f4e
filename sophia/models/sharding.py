"""Sharding a TokenScorer over processes (FSDP2), and putting its pieces together again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import CPUOffloadPolicy, MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor
from transformers.modeling_layers import GradientCheckpointingLayer

from sophia.models.family import part_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharding:
    """How parameters are spread and what is computed with.

    Args:
        mesh: the processes that share every parameter, in one dimension.
        device: where this process computes.
        compute_dtype: the type of forward and backward; the parameters themselves keep their own.
        reduce_dtype: the type in which gradients are averaged over processes.
        reshard_after_forward: whether a layer's gathered weights are freed until its backward.
    """

    mesh: DeviceMesh
    device: torch.device
    compute_dtype: torch.dtype
    reduce_dtype: torch.dtype
    reshard_after_forward: bool

    def can_replicate(self, dtype: torch.dtype) -> bool:
        """Whether frozen weights stored in ``dtype`` lose nothing when kept in compute_dtype."""
        return self.compute_dtype in (dtype, torch.float32)


def shard(scorer: nn.Module, sharding: Sharding, *, replicated: set[str], offload: bool) -> None:
    """Shard each layer and then the rest, in place.

    The scorer is the root: embedding, norms and head (tied or not) are gathered once per forward.
    Parameters named in ``replicated`` stay whole on every process, so their modules run without
    communication. ``offload`` keeps the shards, their gradients and moments on the CPU.
    """
    kept = {p for name, p in scorer.named_parameters() if name in replicated}
    settings: dict[str, Any] = {
        "mesh": sharding.mesh,
        "mp_policy": MixedPrecisionPolicy(
            param_dtype=sharding.compute_dtype,
            reduce_dtype=sharding.reduce_dtype,
            # The models cast where they need to; casting here would round rotary angles.
            cast_forward_inputs=False,
        ),
        "reshard_after_forward": sharding.reshard_after_forward,
        "ignored_params": kept,
    }
    if offload:
        # Pinned memory exists beside a GPU only.
        settings["offload_policy"] = CPUOffloadPolicy(pin_memory=sharding.device.type == "cuda")
    for layer in layers(scorer):
        if any(p not in kept for p in layer.parameters()):
            fully_shard(layer, **settings)
    fully_shard(scorer, **settings)


def frozen_vision(model: Any) -> set[str]:
    """Names of vision parameters of a Hugging Face model that are not trained."""
    return {
        name
        for name, parameter in model.named_parameters()
        if part_of(name, model.config) is not None and not parameter.requires_grad
    }


def whole(tensor: Tensor) -> Tensor:
    """The tensor itself, or all shards of it together; then every process must call this."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def local(tensor: Tensor) -> Tensor:
    """The rows of a tensor that lie in this process: all of them when it is not sharded."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def local_rows(tensor: Tensor) -> slice:
    """Where the rows that lie in this process are in the whole tensor."""
    rows = tensor.shape[0] if tensor.dim() else 1
    if not isinstance(tensor, DTensor):
        return slice(0, rows)
    mesh = tensor.device_mesh
    size = -(-rows // mesh.size())  # shards are chunks along the first dimension
    start = min(mesh.get_local_rank() * size, rows)
    return slice(start, min(start + size, rows))


def layers(module: nn.Module) -> Iterator[nn.Module]:
    """Decoder layers and vision blocks, as transformers marks them for checkpointing."""
    yield from (m for m in module.modules() if isinstance(m, GradientCheckpointingLayer))
