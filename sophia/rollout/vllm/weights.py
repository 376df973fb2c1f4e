"""Which of vLLM's layers holds a Hugging Face weight, and reading it back through that layer.

On some devices a layer keeps its weight only in its kernel's own packed form. So a linear layer is
asked, not looked into: a one-hot input of column c gives column c of the weight, bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from vllm.distributed import (
    get_tensor_model_parallel_rank,
    tensor_model_parallel_all_gather,
    tensor_model_parallel_all_reduce,
)
from vllm.model_executor.layers.linear import LinearBase, QKVParallelLinear, RowParallelLinear
from vllm.model_executor.layers.vocab_parallel_embedding import VocabParallelEmbedding

from sophia.rollout.weights import columns
from sophia.types import WeightSample

Model = Any


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where a weight lies: ``member`` is its turn among those stacked in one engine layer."""

    layer: str
    parameter: str
    member: int
    members: tuple[str, ...]
    """Hugging Face names of all that are stacked there."""


def reader(samples: Sequence[WeightSample]) -> Callable[[Model], list[Tensor]]:
    """To be run on the engine's model: reads the (rows, columns) of each sample, on the CPU."""

    def read(model: Model) -> list[Tensor]:
        with torch.inference_mode():
            places = _Places(model)
            return [_read(model, places(s.name), s.columns).cpu() for s in samples]

    return read


def partial_layers(names: Iterable[str]) -> Callable[[Model], list[str]]:
    """To be run on the engine's model: weights that are missing of layers that are only half sent.

    vLLM builds a layer anew from what it is sent, and leaves the rest of it uninitialised.
    """
    sent = set(names)

    def missing(model: Model) -> list[str]:
        places = _Places(model)
        return sorted({member for name in sent for member in places(name).members} - sent)

    return missing


def never_sent(names: Iterable[str]) -> Callable[[Model], list[str]]:
    """To be run on the engine's model: its parameters that none of these weights is part of."""
    sent = set(names)

    def untouched(model: Model) -> list[str]:
        places = _Places(model)
        reached = {f"{places(name).layer}.{places(name).parameter}" for name in sent}
        return sorted({name for name, _ in model.named_parameters()} - reached)

    return untouched


def repack_tied_heads(model: Model) -> None:
    """To be run on the engine's model after new weights: a head tied to the embedding follows it.

    Where a kernel keeps weights in a packed form of its own (a CPU's), vLLM packs anew only the
    layer that was sent, the embedding; the head would go on computing with the old weights.
    """
    for module, tied in _embeddings(model):
        if tied:
            module.quant_method.process_weights_after_loading(module)


def _embeddings(model: Model) -> list[tuple[Any, bool]]:
    """Every embedding and head, and whether its weight is that of one before it."""
    found: list[tuple[Any, bool]] = []
    for module in model.modules():
        if isinstance(module, VocabParallelEmbedding):
            found.append((module, any(module.weight is other.weight for other, _ in found)))
    return found


class _Places:
    """Hugging Face name -> place, as the model's own loader maps names."""

    def __init__(self, model: Model) -> None:
        self._mapper = model.hf_to_vllm_mapper
        self._stacked = model.packed_modules_mapping
        self._layers = {name for name, _ in model.named_modules()}

    def __call__(self, name: str) -> _Place:
        mapped: str = self._mapper.map_name(name) or name
        layer, _, parameter = mapped.rpartition(".")
        head, _, last = layer.rpartition(".")
        for stack, parts in self._stacked.items():
            if last in parts and f"{head}.{stack}" in self._layers:
                return _Place(
                    layer=f"{head}.{stack}",
                    parameter=parameter,
                    member=parts.index(last),
                    members=tuple(_renamed(name, last, part) for part in parts),
                )
        if layer not in self._layers:
            raise ValueError(f"the engine's model has no weight {name!r}; was it renamed?")
        return _Place(layer=layer, parameter=parameter, member=0, members=(name,))


def _renamed(name: str, last: str, part: str) -> str:
    head, _, parameter = name.rpartition(".")
    return f"{head.removesuffix(last)}{part}.{parameter}"


def _read(model: Model, place: _Place, wanted: Sequence[int]) -> Tensor:
    """(rows, columns) of the whole weight, also where processes of a group hold a piece each."""
    layer = model.get_submodule(place.layer)
    if place.parameter == "weight" and isinstance(layer, RowParallelLinear):
        return _asked_across(layer, wanted)
    if isinstance(layer, VocabParallelEmbedding):
        return _embedding(model, layer, wanted)
    if place.parameter == "weight" and isinstance(layer, LinearBase):
        return _whole_rows(layer, place, _asked(layer, wanted))
    value: Tensor = getattr(layer, place.parameter)
    if isinstance(layer, LinearBase) and not isinstance(layer, RowParallelLinear):
        value = _whole_rows(layer, place, value)
    return columns(value, wanted)


def _asked(layer: Any, wanted: Sequence[int]) -> Tensor:
    """(rows, columns) of a linear layer's weight, through its kernel; columns past it are zero."""
    width: int = getattr(layer, "input_size_per_partition", layer.input_size)
    weight = layer.weight
    probe = torch.zeros(len(wanted), width, dtype=layer.params_dtype, device=weight.device)
    for row, column in enumerate(wanted):
        if 0 <= column < width:
            probe[row, column] = 1.0
    answer: Tensor = layer.quant_method.apply(layer, probe, None)
    return answer.T


def _asked_across(layer: Any, wanted: Sequence[int]) -> Tensor:
    """``_asked`` for a layer whose columns are spread over a tensor-parallel group.

    Each process answers for the columns that it holds and 0 for others; the sum is all of them.
    """
    if layer.tp_size == 1:
        return _asked(layer, wanted)
    first = get_tensor_model_parallel_rank() * layer.input_size_per_partition
    mine = _asked(layer, [column - first for column in wanted]).contiguous()
    whole: Tensor = tensor_model_parallel_all_reduce(mine)
    return whole


def _whole_rows(layer: Any, place: _Place, mine: Tensor) -> Tensor:
    """The rows of one weight, out of what this process holds of the layer it is stacked in.

    A layer of one weight may be stacked too (a fused qkv): then all its members, in order.
    """
    pieces = torch.split(mine, _member_sizes(layer))
    if len(place.members) > 1:
        return _joined(layer, place.member, pieces[place.member])
    return torch.cat([_joined(layer, member, piece) for member, piece in enumerate(pieces)])


def _joined(layer: Any, member: int, rows: Tensor) -> Tensor:
    """The rows of all processes of the group, those that are held twice only once."""
    if layer.tp_size == 1:
        return rows
    replicas = layer.num_kv_head_replicas if _is_qkv(layer) and member > 0 else 1
    pieces = tensor_model_parallel_all_gather(rows.contiguous(), dim=0).chunk(layer.tp_size)
    return torch.cat(pieces[::replicas])


def _member_sizes(layer: Any) -> list[int]:
    """Rows of each weight that is stacked in a layer, in this process."""
    if _is_qkv(layer):
        head = layer.head_size
        return [layer.num_heads * head, layer.num_kv_heads * head, layer.num_kv_heads * head]
    return list(layer.output_partition_sizes)


def _is_qkv(layer: Any) -> bool:
    return isinstance(layer, QKVParallelLinear)


def _embedding(model: Model, layer: Any, wanted: Sequence[int]) -> Tensor:
    """The embedding as it is looked up, and once more as a head that is tied to it sees it."""
    looked_up = _whole_vocabulary(layer, columns(layer.weight, wanted))
    heads = [
        module
        for module, tied in _embeddings(model)
        if tied and module.weight is layer.weight and module is not layer
    ]
    for head in heads:
        probe = torch.zeros(len(wanted), layer.weight.shape[1], dtype=layer.weight.dtype)
        probe[torch.arange(len(wanted)), list(wanted)] = 1.0
        answer = head.quant_method.apply(head, probe.to(layer.weight.device), None)
        seen = _whole_vocabulary(layer, answer.T)
        looked_up = torch.where(seen == looked_up, looked_up, torch.nan)
    return looked_up


def _whole_vocabulary(layer: Any, rows: Tensor) -> Tensor:
    if layer.tp_size > 1:
        rows = tensor_model_parallel_all_gather(rows.contiguous(), dim=0)
    return rows[: layer.num_embeddings]
