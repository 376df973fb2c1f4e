"""Attention over a packed row in which each group shares its prompt.

A row is a run of groups, each ``[prefix | segment | segment | ...]``. A prefix token sees the
prefix up to itself; a segment token sees the whole prefix of its group and its own segment up to
itself, and nothing else.

Shapes: B rows (one, where groups are packed into it), T tokens of a row, A attention heads, K
key-value heads, D head size, P prefix length, S segments of a group, R their longest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

from sophia.models.family import why_not_shared
from sophia.models.varlen import VarlenLayout, kernel_for, varlen_attention, varlen_layout

NAME = "shared_prefix"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GroupLayout:
    """The piece of the row that one group takes, for two calls of dense attention."""

    prefix_length: int
    num_segments: int
    num_tokens: int  # of all segments
    mask: Tensor  # (R, P + R) bool: what a segment token sees of [prefix, its segment]
    ragged: Ragged | None  # None: segments are equally long


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ragged:
    """Segments of different length, side by side."""

    tokens: Tensor  # (S, R) index among the segment tokens; padding repeats a real one
    inside: Tensor  # (S, R) bool


@dataclass(frozen=True, kw_only=True, eq=False)  # no slots: properties are kept
class RowLayout:
    """Where the groups of a row lie, for either way of computing."""

    shapes: Sequence[tuple[int, Sequence[int]]]  # prefix length, lengths of segments
    device: torch.device

    @cached_property
    def groups(self) -> Sequence[GroupLayout]:
        """The pieces of the groups, which take two calls of dense attention each."""
        return [_group_layout(*shape, self.device) for shape in self.shapes]

    @cached_property
    def varlen(self) -> VarlenLayout:
        """The sequences of the whole row, for one call of a kernel for ragged sequences."""
        return varlen_layout(self.shapes, self.device)

    def attend(
        self, layer: int, query: Tensor, key: Tensor, value: Tensor, scaling: float
    ) -> Tensor:
        """(1, T, A, D) outputs, by one call of a ragged kernel, or two per group without one."""
        kernel = kernel_for(query)
        if kernel is not None:
            return varlen_attention(query, key, value, self.varlen, scaling=scaling, kernel=kernel)
        if query.is_cuda:  # memory-efficient attention on a GPU does not share key heads
            key, value = (
                x.repeat_interleave(query.shape[1] // x.shape[1], 1) for x in (key, value)
            )
        # One split of the row: a slice per group would make its backward quadratic in groups.
        sizes = [group.prefix_length + group.num_tokens for group in self.groups]
        pieces = (torch.split(states[0], sizes, dim=1) for states in (query, key, value))
        outputs: list[Tensor] = []
        for group, q, k, v in zip(self.groups, *pieces, strict=True):
            outputs += _attend_group(group, q, k, v, scaling)
        return torch.cat(outputs)[None]


def _group_layout(prefix_length: int, lengths: Sequence[int], device: torch.device) -> GroupLayout:
    longest = max(lengths)
    causal = torch.ones(longest, longest, dtype=torch.bool).tril()
    seen = torch.ones(longest, prefix_length, dtype=torch.bool)
    return GroupLayout(
        prefix_length=prefix_length,
        num_segments=len(lengths),
        num_tokens=sum(lengths),
        mask=torch.cat([seen, causal], dim=1).to(device),
        ragged=None if min(lengths) == longest else _ragged(lengths, device),
    )


def _ragged(lengths: Sequence[int], device: torch.device) -> Ragged:
    sizes = torch.tensor(lengths)[:, None]
    starts = sizes.cumsum(0) - sizes
    offsets = torch.arange(max(lengths))[None]
    tokens = starts + torch.minimum(offsets, sizes - 1)
    return Ragged(tokens=tokens.to(device), inside=(offsets < sizes).to(device))


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
    """Give the language model the attention of packed rows; the vision tower keeps its own.

    Raises ValueError for a model that packed rows would not be exact for.
    """
    reason = why_not_shared(model.config)
    if reason is not None:
        raise ValueError(f"{reason}; use naive rows (algorithm.rows=naive).")
    has_vision = hasattr(model.config, "vision_config")
    model.set_attn_implementation({"text_config": NAME} if has_vision else NAME)


def _attend_group(
    group: GroupLayout,
    query: Tensor,  # (A, P + sum of segment lengths, D)
    key: Tensor,  # (K, ..., D)
    value: Tensor,  # (K, ..., D)
    scaling: float,
) -> list[Tensor]:
    """Outputs (P, A, D) of the prefix, if there is one, and (sum of segment lengths, A, D)."""
    sizes = [group.prefix_length, group.num_tokens]
    (q, q_own), (k, k_own), (v, v_own) = (torch.split(x, sizes, 1) for x in (query, key, value))
    output = scaled_dot_product_attention(
        _side_by_side(q_own, group),
        torch.cat([k.expand(group.num_segments, *k.shape), _side_by_side(k_own, group)], dim=2),
        torch.cat([v.expand(group.num_segments, *v.shape), _side_by_side(v_own, group)], dim=2),
        attn_mask=group.mask,
        scale=scaling,
        enable_gqa=query.shape[0] != key.shape[0],
    ).transpose(1, 2)  # (S, R, A, D)
    own = output.flatten(0, 1) if group.ragged is None else output[group.ragged.inside]
    if not group.prefix_length:
        return [own]
    prefix = scaled_dot_product_attention(
        q[None],
        k[None],
        v[None],
        is_causal=True,
        scale=scaling,
        enable_gqa=query.shape[0] != key.shape[0],
    )
    return [prefix[0].transpose(0, 1), own]


def _side_by_side(states: Tensor, group: GroupLayout) -> Tensor:
    """Pad the segments of a group: (heads, sum of segment lengths, D) -> (S, heads, R, D)."""
    if group.ragged is None:
        return states.view(len(states), group.num_segments, -1, states.shape[2]).transpose(0, 1)
    return states[:, group.ragged.tokens].transpose(0, 1)


AttentionInterface.register(NAME, shared_prefix_attention)
