"""The mismatch correction against published vectors.

NeMo-RL's tests/unit/algorithms/test_loss_functions.py: advantages 1, -1, 2; old log-probs -1;
ratios 0.5, 1, 1.5. ms-swift's test_vllm_importance_sampling_basic.py; verl's test_rollout_corr.py.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from sophia.grpo.correction import SamplingCorrection, correction_weights, mismatch_metrics
from sophia.grpo.losses.clipped import Clipped
from sophia.types import TrainBatch
from tests.grpo.test_loss import CURRENT, OLD, batch_of, config, loss_of

GENERATION = torch.tensor([-0.5, -1.5, -0.8])


def sampled(lengths: list[int], advantages: list[float], logps: torch.Tensor) -> TrainBatch:
    return replace(batch_of(lengths, advantages), sampling_per_token_logps=logps)


def weights_of(ratios: list[float], lengths: list[int], **settings: Any) -> list[float]:
    old = torch.tensor(ratios).log()
    batch = sampled(lengths, [1.0] * len(lengths), torch.zeros(len(ratios)))
    return correction_weights(old, batch, SamplingCorrection(**settings)).tolist()


@pytest.mark.parametrize(
    ("action", "expected"),
    [("truncate", [0.5, 1.5, 2.0, 2.0]), ("mask", [0.5, 1.5, 0.0, 0.0])],
)
def test_tokens_as_ms_swift_publishes_them(action: str, expected: list[float]) -> None:
    got = weights_of([0.5, 1.5, 3.0, 5.0], [4], action=action, upper=2.0)
    assert got == pytest.approx(expected)


def test_product_and_geometric_mean_are_what_they_are_called() -> None:
    # 0.5 * 1.5 * 3 * 5 = 11.25, its fourth root 1.831; a second completion of ratio 1.2
    ratios = [0.5, 1.5, 3.0, 5.0, 1.2]
    product = weights_of(ratios, [4, 1], level="sequence_product", upper=100.0)
    assert product == pytest.approx([11.25] * 4 + [1.2], rel=1e-5)
    mean = weights_of(ratios, [4, 1], level="sequence_geometric_mean", upper=100.0)
    assert mean == pytest.approx([1.8314] * 4 + [1.2], abs=1e-4)
    assert weights_of(ratios, [4, 1], level="sequence_product")[:4] == [2.0] * 4


def test_truncated_tokens_are_nemos_loss() -> None:
    # weights exp(old - generation) = 0.6065, 1.6487 -> 0.8, 0.8187 -> 0.8; losses -0.5, 1, -2.4
    batch = sampled([1, 1, 1], [1.0, -1.0, 2.0], GENERATION)
    correction = SamplingCorrection(upper=0.8)
    weights = correction_weights(OLD, batch, correction)
    torch.testing.assert_close(weights, torch.tensor([0.6065, 0.8, 0.8]), atol=1e-4, rtol=0)
    output = loss_of(CURRENT, OLD, batch, config(sampling_correction=correction))
    assert output.loss.item() == pytest.approx(-0.4744, abs=1e-4)


def test_truncated_sequences_are_nemos_loss() -> None:
    # product exp(-0.5 + 0.5 - 0.2) = 0.8187 -> 0.8; GSPO's ratio 0.9086; 0.8 * -0.6057 = -0.4846
    correction = SamplingCorrection(level="sequence_product", upper=0.8)
    settings = config(policy=Clipped(ratio_level="sequence"), sampling_correction=correction)
    losses = [
        loss_of(CURRENT, OLD, sampled([3], [a], GENERATION), settings).loss
        for a in (1.0, -1.0, 2.0)
    ]
    assert torch.stack(losses).mean().item() == pytest.approx(-0.4846, abs=1e-4)


def test_icepop_masks_tokens_as_nemo_publishes_it() -> None:
    # exp(-1 + 3.5) = 12.18 lies outside [0.5, 5]
    batch = sampled([1, 1, 1], [1.0, -1.0, 2.0], torch.tensor([-0.5, -3.5, -0.8]))
    correction = SamplingCorrection(action="mask", lower=0.5, upper=5.0)
    weights = correction_weights(OLD, batch, correction)
    torch.testing.assert_close(weights, torch.tensor([0.6065, 0.0, 0.8187]), atol=1e-4, rtol=0)
    # the mean of 0.6065 times -0.5, of 0 and of 0.8187 times -2.4
    output = loss_of(CURRENT, OLD, batch, config(sampling_correction=correction))
    assert output.loss.item() == pytest.approx(-0.7560, abs=1e-4)


def test_sequence_masks_keep_token_weights() -> None:
    # geometric mean 1.0005 lies in [0.999, 1.002]: kept, each token with its own weight
    logs = [0.1, -0.1, 0.0015]
    settings: dict[str, Any] = {
        "action": "mask", "mask_level": "sequence_geometric_mean", "lower": 0.999, "upper": 1.002,
    }  # fmt: skip
    ratios = [float(torch.tensor(x).exp()) for x in logs]
    assert weights_of(ratios, [3], **settings) == pytest.approx(ratios)
    assert weights_of([*ratios[:2], 1.1], [3], **settings) == [0.0, 0.0, 0.0]


def test_bounds_are_those_of_verl() -> None:
    # old -2, sampling -1 and -2.5: ratios 0.368 and 1.649 against [0.5, 2]
    old, batch = torch.tensor([-2.0, -2.0]), sampled([2], [1.0], torch.tensor([-1.0, -2.5]))
    kept = correction_weights(old, batch, SamplingCorrection(action="mask", lower=0.5))
    assert kept.tolist() == pytest.approx([0.0, 1.6487], abs=1e-4)


def test_an_impossible_token_leaves_the_loss_finite() -> None:
    old = torch.tensor([-1.0, -torch.inf, -1.0])
    sampling = torch.tensor([-1.0, -torch.inf, -torch.inf])
    batch = sampled([3], [1.0], sampling)
    for action in ("truncate", "mask"):
        weights = correction_weights(old, batch, SamplingCorrection(action=action))
        assert torch.isfinite(weights).all()


def test_weights_carry_no_gradient() -> None:
    old = OLD.clone().requires_grad_()
    batch = sampled([1, 1, 1], [1.0, -1.0, 2.0], GENERATION)
    assert not correction_weights(old, batch, SamplingCorrection()).requires_grad


def test_metrics_are_of_the_ratio_before_any_cut() -> None:
    batch = sampled([1, 1, 1], [1.0, 1.0, 1.0], GENERATION)
    metrics = mismatch_metrics(OLD, batch, torch.tensor(3.0))
    values = {name.removeprefix("sampling/"): metric.value for name, metric in metrics.items()}
    assert values["importance_sampling_ratio/min"] == pytest.approx(0.6065, abs=1e-4)
    assert values["importance_sampling_ratio/max"] == pytest.approx(1.6487, abs=1e-4)
    assert values["importance_sampling_ratio/mean"] == pytest.approx(1.0246, abs=1e-4)
    assert values["sampling_logp_difference/max"] == pytest.approx(0.5)
    assert values["sampling_logp_difference/mean"] == pytest.approx(0.4)


def test_bounds_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="0 <= lower < upper"):
        SamplingCorrection(lower=3.0)
