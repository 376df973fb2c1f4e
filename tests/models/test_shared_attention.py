"""The attention of shared prompts against a dense mask, and what would be wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise

import pytest
import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from sophia.models.shared_attention import RowLayout
from sophia.models.varlen import VarlenLayout, varlen_attention, varlen_layout

Groups = Sequence[tuple[int, Sequence[int]]]
Attention = Callable[[Tensor, Tensor, Tensor, Groups], Tensor]

CPU = torch.device("cpu")
SCALING = 0.3
ROWS: list[Groups] = [
    [(5, (3, 3))],
    [(1, (1,))],
    [(0, (2, 4))],  # a prompt of one token has no prefix
    [(7, (1, 9, 4)), (2, (5,)), (11, (2, 2, 2, 6))],
]


def states(groups: Groups, *, head_size: int = 8) -> tuple[Tensor, Tensor, Tensor]:
    """Queries of four heads, keys and values of two."""
    total = sum(prefix + sum(lengths) for prefix, lengths in groups)
    generator = torch.Generator().manual_seed(0)
    query, key, value = (
        torch.randn(1, heads, total, head_size, dtype=torch.float64, generator=generator)
        for heads in (4, 2, 2)
    )
    return query.requires_grad_(), key.requires_grad_(), value.requires_grad_()


def dense_mask(groups: Groups) -> Tensor:
    """(T, T) who sees whom, written from the definition."""
    owner, segment = [], []
    for number, (prefix, lengths) in enumerate(groups):
        for index, length in enumerate((prefix, *lengths)):
            owner += [number] * length
            segment += [index] * length
    groups_, segments = torch.tensor(owner), torch.tensor(segment)
    same_group = groups_[:, None] == groups_[None]
    visible = (segments[:, None] == segments[None]) | (segments[None] == 0)
    return (same_group & visible).tril()


def oracle(query: Tensor, key: Tensor, value: Tensor, groups: Groups) -> Tensor:
    output = scaled_dot_product_attention(
        query, key, value, attn_mask=dense_mask(groups), scale=SCALING, enable_gqa=True
    )
    return output.transpose(1, 2)


def two_calls(query: Tensor, key: Tensor, value: Tensor, groups: Groups) -> Tensor:
    layout = RowLayout(shapes=groups, device=CPU)
    return layout.attend(0, query, key, value, SCALING)


def kernel(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    layout: VarlenLayout,
    scaling: float,
    *,
    bottom_right: bool = True,
) -> Tensor:
    """What flash-attn documents for its ragged kernel: causal, aligned at the bottom right."""
    outputs = []
    places = zip(layout.query_ends.tolist(), layout.key_ends.tolist(), strict=True)
    for (first, begin), (last, end) in pairwise(places):
        q, k, v = query[first:last], key[begin:end], value[begin:end]
        diagonal = len(k) - len(q) if bottom_right else 0
        mask = torch.ones(len(q), len(k), dtype=torch.bool).tril(diagonal)
        q, k, v = (x.transpose(0, 1)[None] for x in (q, k, v))
        out = scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=scaling, enable_gqa=True)
        outputs.append(out[0].transpose(0, 1))
    return torch.cat(outputs)


def one_call(query: Tensor, key: Tensor, value: Tensor, groups: Groups) -> Tensor:
    layout = varlen_layout(groups, CPU)
    return varlen_attention(query, key, value, layout, scaling=SCALING, kernel=kernel)


@pytest.mark.parametrize("attention", [two_calls, one_call])
@pytest.mark.parametrize("groups", ROWS)
def test_forward_and_backward_are_those_of_the_dense_mask(
    attention: Attention, groups: Groups
) -> None:
    inputs = states(groups)
    expected, got = oracle(*inputs, groups), attention(*inputs, groups)
    torch.testing.assert_close(got, expected, atol=1e-12, rtol=0)
    direction = torch.linspace(-1, 1, got.numel(), dtype=got.dtype).view_as(got)
    for one, two in zip(
        torch.autograd.grad((got * direction).sum(), inputs),
        torch.autograd.grad((expected * direction).sum(), inputs),
        strict=True,
    ):
        torch.testing.assert_close(one, two, atol=1e-12, rtol=0)


def too_much(query: Tensor, key: Tensor, value: Tensor, groups: Groups) -> Tensor:
    """A plain causal row: segments see their siblings, groups their neighbours."""
    return scaled_dot_product_attention(
        query, key, value, is_causal=True, scale=SCALING, enable_gqa=True
    ).transpose(1, 2)


def top_left(query: Tensor, key: Tensor, value: Tensor, groups: Groups) -> Tensor:
    """A kernel that aligns its mask at the top left: segments see too little of their prefix."""
    layout, wrong = varlen_layout(groups, CPU), partial(kernel, bottom_right=False)
    return varlen_attention(query, key, value, layout, scaling=SCALING, kernel=wrong)


def no_prefix(query: Tensor, key: Tensor, value: Tensor, groups: Groups) -> Tensor:
    """Segments that see only themselves."""
    alone = [(0, (prefix, *lengths)) for prefix, lengths in groups]
    return two_calls(query, key, value, alone)


@pytest.mark.parametrize("wrong", [too_much, top_left, no_prefix])
def test_what_is_wrong_shows(wrong: Attention) -> None:
    inputs = states(ROWS[3])
    assert (wrong(*inputs, ROWS[3]) - oracle(*inputs, ROWS[3])).abs().max() > 0.05
