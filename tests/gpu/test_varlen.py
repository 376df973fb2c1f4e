"""The ragged kernels on a GPU against the dense mask. Not run yet: no GPU was at hand."""

from __future__ import annotations

import importlib.util

import pytest
import torch

from sophia.models.varlen import (
    VarlenKernel,
    flash_kernel,
    kernel_for,
    torch_kernel,
    varlen_attention,
    varlen_layout,
)
from tests.models.test_shared_attention import ROWS, SCALING, Groups, oracle, states

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU"),
]

KERNELS = [
    pytest.param(
        flash_kernel,
        marks=pytest.mark.skipif(
            importlib.util.find_spec("flash_attn") is None, reason="needs flash-attn"
        ),
    ),
    torch_kernel,
]


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("groups", ROWS)
def test_forward_and_backward_are_those_of_the_dense_mask(
    kernel: VarlenKernel, groups: Groups
) -> None:
    """The masks' alignment too: a segment whose first query misses its prefix would show."""
    exact = states(groups, head_size=64)
    q, k, v = (x.detach().to("cuda", torch.bfloat16).requires_grad_() for x in exact)
    q_ref, k_ref, v_ref = (x.detach().double().cpu().requires_grad_() for x in (q, k, v))
    layout = varlen_layout(groups, torch.device("cuda"))
    got = varlen_attention(q, k, v, layout, scaling=SCALING, kernel=kernel)
    expected = oracle(q_ref, k_ref, v_ref, groups)
    torch.testing.assert_close(got.cpu().double(), expected, atol=2e-2, rtol=2e-2)
    direction = torch.linspace(-1, 1, got.numel(), dtype=torch.float64).view(got.shape)
    for one, two in zip(
        torch.autograd.grad((got * direction.to(got)).sum(), (q, k, v)),
        torch.autograd.grad((expected * direction).sum(), (q_ref, k_ref, v_ref)),
        strict=True,
    ):
        torch.testing.assert_close(one.cpu().double(), two, atol=5e-2, rtol=5e-2)


def test_it_is_used_in_half_precision_only() -> None:
    query = torch.zeros(1, 1, 1, 64, device="cuda")
    assert kernel_for(query) is None
    assert kernel_for(query.bfloat16()) is not None
