"""The chunked head against plain logits, gradients by finite differences, and its memory."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import Tensor

from sophia.models.head import token_scores

N, H, V = 7, 5, 11


def inputs(dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor, Tensor]:
    draw = torch.Generator().manual_seed(0)
    hidden = torch.randn(N, H, generator=draw, dtype=torch.float64).to(dtype).requires_grad_()
    weight = torch.randn(V, H, generator=draw, dtype=torch.float64).to(dtype).requires_grad_()
    return hidden, weight, torch.randint(V, (N,), generator=draw)


def plain(hidden: Tensor, weight: Tensor, ids: Tensor) -> tuple[Tensor, Tensor]:
    logps = (hidden @ weight.T / 0.7).log_softmax(-1)
    return logps.gather(1, ids[:, None])[:, 0], -(logps.exp() * logps).sum(-1)


@pytest.mark.parametrize("chunk_size", [1, 3, 7, 100])
def test_chunks_do_not_matter(chunk_size: int) -> None:
    hidden, weight, ids = inputs()
    got = token_scores(
        hidden, weight, ids, temperature=0.7, chunk_size=chunk_size, entropy_grad=True
    )
    for value, expected in zip(got, plain(hidden, weight, ids), strict=True):
        torch.testing.assert_close(value, expected)


def test_gradients_of_logps_and_entropy() -> None:
    hidden, weight, ids = inputs()

    def scores(h: Tensor, w: Tensor) -> tuple[Tensor, Tensor]:
        return token_scores(h, w, ids, temperature=0.7, chunk_size=3, entropy_grad=True)

    assert torch.autograd.gradcheck(scores, (hidden, weight))


def test_entropy_without_gradient_carries_none() -> None:
    hidden, weight, ids = inputs()
    logps, entropy = token_scores(
        hidden, weight, ids, temperature=1.0, chunk_size=3, entropy_grad=False
    )
    assert not entropy.requires_grad
    torch.autograd.backward(logps.sum())
    assert hidden.grad is not None


def test_bfloat16_is_summed_in_float32() -> None:
    hidden, weight, ids = inputs(torch.bfloat16)
    logps, _ = token_scores(hidden, weight, ids, temperature=1.0, chunk_size=1, entropy_grad=False)
    assert logps.dtype == torch.float32
    torch.autograd.backward(logps.sum())
    exact_hidden = hidden.detach().double()
    exact_weight = weight.detach().double().requires_grad_()
    exact = (exact_hidden @ exact_weight.T).log_softmax(-1).gather(1, ids[:, None])
    torch.autograd.backward(exact.sum())
    assert weight.grad is not None
    assert exact_weight.grad is not None
    torch.testing.assert_close(weight.grad.double(), exact_weight.grad, atol=0.05, rtol=0.02)


_PEAK = """
import resource, torch
from sophia.models.head import token_scores
hidden = torch.randn(512, 16, requires_grad=True)
weight = torch.randn(100_000, 16, requires_grad=True)
ids = torch.zeros(512, dtype=torch.long)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
logps, _ = token_scores(hidden, weight, ids, temperature=1.0, chunk_size=32, entropy_grad=False)
logps.sum().backward()
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


def test_full_logits_never_exist() -> None:
    # One float32 copy of the logits alone would be 512 x 100,000 x 4 bytes = 195 MiB.
    command = [sys.executable, "-c", _PEAK]
    peak = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert float(peak) < 120
