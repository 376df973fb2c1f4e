"""Attention over a packed row in one call of a variable-length kernel, on a GPU.

Every prefix and every segment is a sequence of queries; the keys of a segment are its prefix and
itself, gathered. A causal mask aligned at the bottom right then is the mask of shared prompts.

Shapes: T tokens of the row, U gathered keys, A attention heads, K key-value heads, D head size,
S sequences.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

import torch
from torch import Tensor

_HALF = (torch.float16, torch.bfloat16)  # what such kernels compute in


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VarlenLayout:
    """Which tokens of a row are keys of which; queries are the row itself, in its order."""

    keys: Tensor  # (U,) row index of each key
    query_ends: Tensor  # (S + 1,) int32: 0, then where each sequence's queries end
    key_ends: Tensor  # (S + 1,) int32: 0, then where each sequence's keys end
    longest_query: int
    longest_keys: int


class VarlenKernel(Protocol):
    """Causal attention of ragged sequences, masks aligned at the bottom right."""

    def __call__(
        self, query: Tensor, key: Tensor, value: Tensor, layout: VarlenLayout, scaling: float
    ) -> Tensor:
        """Outputs (T, A, D) of queries (T, A, D) on gathered keys and values (U, K, D)."""


def varlen_layout(
    groups: Sequence[tuple[int, Sequence[int]]], device: torch.device
) -> VarlenLayout:
    """The layout of a row of groups, each a prefix length and the lengths of its segments."""
    keys: list[Tensor] = []
    sizes: list[tuple[int, int]] = []
    start = 0
    for prefix_length, lengths in groups:
        prefix = torch.arange(start, start + prefix_length)
        start += prefix_length
        if prefix_length:
            keys.append(prefix)
            sizes.append((prefix_length, prefix_length))
        for length in lengths:
            keys += [prefix, torch.arange(start, start + length)]
            sizes.append((length, prefix_length + length))
            start += length
    queries, gathered = torch.tensor(sizes).T
    return VarlenLayout(
        keys=torch.cat(keys).to(device),
        query_ends=_ends(queries, device),
        key_ends=_ends(gathered, device),
        longest_query=int(queries.max()),
        longest_keys=int(gathered.max()),
    )


def varlen_attention(
    query: Tensor,  # (1, A, T, D)
    key: Tensor,  # (1, K, T, D)
    value: Tensor,  # (1, K, T, D)
    layout: VarlenLayout,
    *,
    scaling: float,
    kernel: VarlenKernel,
) -> Tensor:
    """(1, T, A, D) the outputs of a row, by one call of a kernel."""
    rows, keys, values = (states[0].transpose(0, 1) for states in (query, key, value))
    return kernel(rows, keys[layout.keys], values[layout.keys], layout, scaling)[None]


def kernel_for(query: Tensor) -> VarlenKernel | None:
    """The kernel for these queries; None where there is none (a CPU, float32)."""
    return _kernel() if query.is_cuda and query.dtype in _HALF else None


@cache
def _kernel() -> VarlenKernel:
    has_flash_attn = importlib.util.find_spec("flash_attn") is not None
    return flash_kernel if has_flash_attn else torch_kernel


def flash_kernel(
    query: Tensor, key: Tensor, value: Tensor, layout: VarlenLayout, scaling: float
) -> Tensor:
    """The kernel of the flash-attn package; a VarlenKernel."""
    flash: Any = importlib.import_module("flash_attn")
    output: Tensor = flash.flash_attn_varlen_func(
        query, key, value,
        layout.query_ends, layout.key_ends, layout.longest_query, layout.longest_keys,
        softmax_scale=scaling, causal=True,
    )  # fmt: skip
    return output


def torch_kernel(
    query: Tensor, key: Tensor, value: Tensor, layout: VarlenLayout, scaling: float
) -> Tensor:
    """The kernel of torch itself, from version 2.11 on; a VarlenKernel."""
    varlen: Any = importlib.import_module("torch.nn.attention.varlen")
    copies = query.shape[1] // key.shape[1]  # not every version shares key heads by itself
    output: Tensor = varlen.varlen_attn(
        query, key.repeat_interleave(copies, 1), value.repeat_interleave(copies, 1),
        layout.query_ends, layout.key_ends, layout.longest_query, layout.longest_keys,
        scale=scaling, window_size=(-1, 0),
    )  # fmt: skip
    return output


def _ends(sizes: Tensor, device: torch.device) -> Tensor:
    ends = torch.cat([torch.zeros(1, dtype=sizes.dtype), sizes.cumsum(0)])
    return ends.to(device, torch.int32)
