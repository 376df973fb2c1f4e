"""Attention over a packed row in which each group shares its prompt.

A row is a run of groups, each ``[prefix | segment | segment | ...]``. A prefix token sees the
prefix up to itself; a segment token sees the whole prefix of its group and its own segment up to
itself, and nothing else.

Shapes: T tokens of the row, A attention heads, K key-value heads, D head size, P prefix length,
S segments of a group, R their longest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

from sophia.models.varlen import VarlenLayout, kernel_for, varlen_attention, varlen_layout

NAME = "shared_prefix"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GroupLayout:
    """Where a group lies in the row."""

    prefix: slice  # of the row
    tokens: Tensor  # (S, R) row index of each segment token; padding repeats a real one
    padding: Tensor  # (S, R) bool
    mask: Tensor  # (R, P + R) bool: what a segment token sees of [prefix, its segment]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RowLayout:
    """Where the groups of a row lie, for either way of computing."""

    groups: Sequence[GroupLayout]
    varlen: VarlenLayout

    def attend(
        self, layer: int, query: Tensor, key: Tensor, value: Tensor, scaling: float
    ) -> Tensor:
        """(1, T, A, D): one call of a kernel for ragged sequences, or two per group without one."""
        kernel = kernel_for(query)
        if kernel is not None:
            return varlen_attention(query, key, value, self.varlen, scaling=scaling, kernel=kernel)
        outputs = []
        for group in self.groups:
            if group.prefix.stop > group.prefix.start:
                outputs.append(_prefix(query, key, value, group, scaling))
            outputs.append(_segments(query, key, value, group, scaling))
        return torch.cat(outputs, dim=1)


def row_layout(groups: Sequence[tuple[int, Sequence[int]]], *, device: torch.device) -> RowLayout:
    """Of a row of groups, each a prefix length and the lengths of its segments."""
    layouts, start = [], 0
    for prefix_length, lengths in groups:
        layouts.append(group_layout(start, prefix_length, lengths))
        start += prefix_length + sum(lengths)
    return RowLayout(groups=layouts, varlen=varlen_layout(groups, device))


def group_layout(start: int, prefix_length: int, lengths: Sequence[int]) -> GroupLayout:
    """The layout of a group whose prefix begins at row index ``start``."""
    longest = max(lengths)
    first = start + prefix_length
    sizes = torch.tensor(lengths)
    starts = first + sizes.cumsum(0) - sizes
    offsets = torch.arange(longest)
    padding = offsets[None] >= sizes[:, None]
    tokens = starts[:, None] + torch.minimum(offsets[None], sizes[:, None] - 1)
    causal = torch.ones(longest, longest, dtype=torch.bool).tril()
    seen = torch.ones(longest, prefix_length, dtype=torch.bool)
    return GroupLayout(
        prefix=slice(start, first),
        tokens=tokens,
        padding=padding,
        mask=torch.cat([seen, causal], dim=1),
    )


class PackedAttention(Protocol):
    """Attention of one layer's forward, whatever it keeps beside."""

    def attend(
        self, layer: int, query: Tensor, key: Tensor, value: Tensor, scaling: float
    ) -> Tensor:
        """(B, T, A, D) from queries (B, A, T, D), keys and values (B, K, T, D)."""


def shared_prefix_attention(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    scaling: float,
    shared_prefix: PackedAttention,
    **_: Any,
) -> tuple[Tensor, None]:
    """What Hugging Face layers call; the work is that of the object given to the forward."""
    assert attention_mask is None, "a packed row has its own mask"
    return shared_prefix.attend(module.layer_idx, query, key, value, scaling), None


def set_shared_attention(model: Any) -> None:
    """Packed rows need their own attention in the language model; the vision tower keeps its."""
    has_vision = hasattr(model.config, "vision_config")
    model.set_attn_implementation({"text_config": NAME} if has_vision else NAME)


def _prefix(
    query: Tensor, key: Tensor, value: Tensor, group: GroupLayout, scaling: float
) -> Tensor:
    """(1, P, A, D)."""
    own = group.prefix
    output = scaled_dot_product_attention(
        query[:, :, own], key[:, :, own], value[:, :, own],
        is_causal=True, scale=scaling, enable_gqa=True,
    )  # fmt: skip
    return output.transpose(1, 2)


def _segments(
    query: Tensor, key: Tensor, value: Tensor, group: GroupLayout, scaling: float
) -> Tensor:
    """(1, sum of segment lengths, A, D)."""
    output = scaled_dot_product_attention(
        _gather(query, group.tokens),
        _with_prefix(key, group),
        _with_prefix(value, group),
        attn_mask=group.mask.to(query.device),
        scale=scaling,
        enable_gqa=True,
    )  # (S, A, R, D)
    return output.transpose(1, 2)[~group.padding][None]


def _with_prefix(states: Tensor, group: GroupLayout) -> Tensor:
    """(S, K, P + R, D): the prefix in front of every segment."""
    prefix = states[:, :, group.prefix].expand(len(group.tokens), -1, -1, -1)
    return torch.cat([prefix, _gather(states, group.tokens)], dim=2)


def _gather(states: Tensor, tokens: Tensor) -> Tensor:
    """(1, heads, T, D) -> (S, heads, R, D)."""
    return states[0][:, tokens].transpose(0, 1)


AttentionInterface.register(NAME, shared_prefix_attention)
