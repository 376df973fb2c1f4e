"""Estimates against vectors published with NeMo-RL's test_calculate_kl and by hand."""

import pytest
import torch

from sophia.grpo.kl import KLEstimator, kl_estimate


@pytest.mark.parametrize(
    ("estimator", "expected"),
    [("k1", 0.5), ("k2", 0.125), ("k3", 0.106531)],  # d = -1.0 - -1.5 = 0.5
)
def test_by_hand(estimator: KLEstimator, expected: float) -> None:
    result = kl_estimate(torch.tensor([-1.0]), torch.tensor([-1.5]), estimator)
    torch.testing.assert_close(result, torch.tensor([expected]), atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("estimator", "expected"),
    [("k1", [-1.0, 10, 10]), ("k2", [0.5, 10, 10]), ("k3", [0.718282, 10, 10])],
)
def test_clamped_vectors(estimator: KLEstimator, expected: list[float]) -> None:
    # NeMo-RL: current -1, reference 0, -15, -30, input clamp 20, output clamp 10
    result = kl_estimate(torch.full((3,), -1.0), torch.tensor([0.0, -15, -30]), estimator)
    torch.testing.assert_close(result, torch.tensor(expected), atol=1e-5, rtol=0)


def test_an_impossible_reference_token_stays_finite_without_gradient() -> None:
    logps = torch.tensor([-1.0], requires_grad=True)
    kl = kl_estimate(logps, torch.tensor([float("-inf")]), "k3")
    torch.autograd.backward(kl.sum())
    assert kl.item() == 10.0
    assert logps.grad is not None
    assert logps.grad.item() == 0.0


def test_k3_gradient_is_one_minus_exp_of_ref_minus_policy() -> None:
    logps = torch.tensor([-1.0], requires_grad=True)
    torch.autograd.backward(kl_estimate(logps, torch.tensor([-1.5]), "k3").sum())
    assert logps.grad is not None
    assert logps.grad.item() == pytest.approx(1 - 0.606531, abs=1e-5)
