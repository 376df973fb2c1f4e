"""Each policy loss by hand, against published vectors, and against the others where they meet.

NeMo-RL's tests/unit/algorithms/test_loss_functions.py: advantages 1, -1, 2; old log-probs -1;
ratios 0.5, 1, 1.5. Its advantages are per token, ours per completion: completions of one token, or
the mean over one advantage after another.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args

import pytest
import torch
from torch import Tensor

from sophia.cli.running.inert import inert_settings
from sophia.grpo.batch import Aggregation
from sophia.grpo.correction import SamplingCorrection
from sophia.grpo.loss import LossConfig
from sophia.grpo.losses.cispo import Cispo
from sophia.grpo.losses.clipped import Clipped
from sophia.grpo.losses.gmpo import Gmpo
from sophia.grpo.losses.own import OwnPolicyLoss
from sophia.grpo.losses.policy_loss import PolicyLoss, PolicyTerm
from sophia.grpo.losses.sapo import Sapo
from sophia.types import TrainBatch
from tests.composing import composed
from tests.grpo.test_correction import GENERATION
from tests.grpo.test_loss import CURRENT, OLD, batch_of, config, loss_of

PRE_CLIP = math.log(1000.0)
BUILT_IN: tuple[PolicyLoss, ...] = (Clipped(), Cispo(), Gmpo(), Sapo())


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The loss of some tokens, its gradient by their log-probs, and the shares that were cut."""

    loss: float
    gradient: Tensor
    cut: tuple[float | None, float | None]


def result_of(
    policy: PolicyLoss,
    log_ratios: Sequence[float] | Tensor,
    batch: TrainBatch,
    **settings: Any,
) -> Result:
    """What a policy loss makes of tokens whose old log-probs are -1."""
    old = torch.full((len(batch.sequence_ids),), -1.0)
    current = (old + torch.as_tensor(log_ratios)).requires_grad_()
    output = loss_of(current, old, batch, config(policy=policy, **settings))
    (gradient,) = torch.autograd.grad(output.loss, current)
    low, high = (output.metrics[f"clip_ratio/{side}_mean"].value for side in ("low", "high"))
    return Result(loss=output.loss.item(), gradient=gradient, cut=(low, high))


def token(policy: PolicyLoss, *, ratio: float, advantage: float) -> Result:
    """The same of one token."""
    return result_of(policy, [math.log(ratio)], batch_of([1], [advantage]))


def test_published_losses() -> None:
    three = batch_of([1, 1, 1], [1.0, -1.0, 2.0])
    sampled = replace(three, sampling_per_token_logps=GENERATION)
    uncut = SamplingCorrection(upper=100.0)
    bounded = Cispo(min_ratio=0.8, max_ratio=1.2)
    for current, old, batch, settings, expected in (
        # the mean of (-0.8, 1, -2.4) times current
        (CURRENT, OLD, three, {"policy": bounded}, 0.5938),
        # the same times exp(old - generation) = 0.6065, 1.6487, 0.8187
        (CURRENT, OLD, sampled, {"policy": bounded, "sampling_correction": uncut}, 0.1137),
        # (-0.5, 1, -2.4) times the same
        (CURRENT, OLD, sampled, {"sampling_correction": uncut}, -0.2065),
    ):
        output = loss_of(current, old, batch, config(**settings))
        assert output.loss.item() == pytest.approx(expected, abs=1e-4)
    # REINFORCE, which knows no ratio: 0.5, -1, 3
    current = torch.tensor([-0.5, -1.0, -1.5])
    output = loss_of(current, current, three, config(policy=Cispo()))
    assert output.loss.item() == pytest.approx(0.8333, abs=1e-4)


def test_published_sequence_ratios_of_two_completions() -> None:
    # ratios 0.9086, and 2.4697 clipped to 1.2 where the advantage is positive
    old = torch.cat([OLD, OLD - 1.0])
    settings = config(policy=Clipped(ratio_level="sequence"))
    losses = [
        loss_of(torch.cat([CURRENT, CURRENT]), old, batch_of([3, 3], [a, a]), settings).loss
        for a in (1.0, -1.0, 2.0)
    ]
    assert torch.stack(losses).mean().item() == pytest.approx(-0.4912, abs=1e-4)


def test_one_token_by_hand() -> None:
    plain, dual = Clipped(), Clipped(dual_clip=3.0)
    gate = 4 * 0.731059, 4 / 1.05 * 0.740775  # sigmoids of 1 and 1.05
    slope = 4 * 0.731059 * 0.268941, 4 * 0.740775 * 0.259225
    for policy, ratio, advantage, loss, gradient in (
        (plain, 1.5, 1.0, -1.2, 0.0),  # clipped: no gradient
        (plain, 0.5, 1.0, -0.5, -0.5),
        (plain, 0.5, -1.0, 0.8, 0.0),
        (plain, 1.5, -1.0, 1.5, 1.5),
        (Clipped(epsilon_high=0.6), 1.5, 1.0, -1.5, -1.5),
        (Clipped(epsilon_low=0.6), 0.5, -1.0, 0.5, 0.5),
        (dual, 10.0, -1.0, 3.0, 0.0),
        (dual, 2.5, -1.0, 2.5, 2.5),
        (dual, 10.0, 1.0, -1.2, 0.0),
        # Pre-CLIP: beyond a factor of 1000 the ratio stands still
        (Clipped(max_log_ratio=PRE_CLIP), 1e4, -1.0, 1000.0, 0.0),
        (Clipped(max_log_ratio=PRE_CLIP), 1e-4, 1.0, -0.001, 0.0),
        (Clipped(max_log_ratio=PRE_CLIP), 500.0, -1.0, 500.0, 500.0),
        (plain, 1e4, -1.0, 1e4, 1e4),
        # CISPO: the gradient is that of -A * weight * logp, whatever the sign; logp = ln r - 1
        (Cispo(), 10.0, 1.0, -5.0 * (math.log(10.0) - 1.0), -5.0),
        (Cispo(), 10.0, -1.0, 5.0 * (math.log(10.0) - 1.0), 5.0),
        (Cispo(), 0.01, 1.0, -0.01 * (math.log(0.01) - 1.0), -0.01),
        (Cispo(min_ratio=0.8), 0.01, 2.0, -1.6 * (math.log(0.01) - 1.0), -1.6),
        # GMPO: exp(0.4) = 1.491825 above, exp(-0.4) = 0.670320 below
        (Gmpo(), 2.0, 1.0, -1.491825, 0.0),
        (Gmpo(), 2.0, -1.0, 2.0, 2.0),
        (Gmpo(), 0.5, -1.0, 0.670320, 0.0),
        (Gmpo(), 0.5, 1.0, -0.5, -0.5),
        # SAPO at a ratio of 2: gate(2) and gate'(2) * 2
        (Sapo(), 2.0, 1.0, -gate[0], -2.0 * slope[0]),
        (Sapo(), 2.0, -1.0, gate[1], 2.0 * slope[1]),
        (Sapo(tau_positive=1.05), 2.0, 1.0, -gate[1], -2.0 * slope[1]),
    ):
        found = token(policy, ratio=ratio, advantage=advantage)
        assert found.loss == pytest.approx(loss, rel=1e-4), (policy, ratio, advantage)
        assert found.gradient.item() == pytest.approx(gradient, rel=1e-4, abs=1e-12), policy


def test_tokens_whose_gradient_is_cut_are_counted_by_side() -> None:
    ratios = {"low": 0.1, "high": 9.0}
    for policy, low, high in (
        (Clipped(), {-1.0}, {1.0}),
        (Gmpo(), {-1.0}, {1.0}),
        (Cispo(), set(), {-1.0, 1.0}),
        (Cispo(min_ratio=0.5), {-1.0, 1.0}, {-1.0, 1.0}),
        (Sapo(), set(), set()),
    ):
        for advantage in (-1.0, 0.0, 1.0):
            below = token(policy, ratio=ratios["low"], advantage=advantage)
            above = token(policy, ratio=ratios["high"], advantage=advantage)
            assert below.cut == (float(advantage in low), 0.0), policy
            assert above.cut == (0.0, float(advantage in high)), policy


def test_geometric_mean_of_a_completion_by_hand() -> None:
    # log-ratios 0.5, -0.5, 0.1 of one completion. A > 0: 0.4, -0.5, 0.1, mean 0; A < 0: 0.5, -0.4,
    # 0.1, mean 0.0667, exp 1.068939. The clipped token alone has no gradient.
    log_ratios = [0.5, -0.5, 0.1]
    up = result_of(Gmpo(), log_ratios, batch_of([3], [1.0]))
    assert up.loss == pytest.approx(-1.0)
    torch.testing.assert_close(up.gradient, torch.tensor([0.0, -1.0, -1.0]) / 3)
    down = result_of(Gmpo(), log_ratios, batch_of([3], [-1.0]))
    assert down.loss == pytest.approx(1.068939, rel=1e-5)
    torch.testing.assert_close(down.gradient, 1.068939 * torch.tensor([1.0, 0.0, 1.0]) / 3)


def test_geometric_mean_of_ragged_completions_counts_each_alike() -> None:
    # mean log-ratios 0.2 of three tokens and -0.1 of one: (-2 * 1.221403 + 0.904837) / 2
    found = result_of(
        Gmpo(), [0.3, 0.3, 0.0, -0.1], batch_of([3, 1], [2.0, -1.0]), aggregation="sequence_mean"
    )
    assert found.loss == pytest.approx(-0.768984, abs=1e-5)
    expected = [-2 * 1.221403 / 6] * 3 + [0.904837 / 2]
    torch.testing.assert_close(found.gradient, torch.tensor(expected))


def test_a_completion_that_is_clipped_as_a_whole_has_no_gradient() -> None:
    gspo = Clipped(ratio_level="sequence", epsilon_low=3e-4, epsilon_high=4e-4)
    log_ratios = [0.01, -0.004, 0.0006, -0.0004]  # means 0.003 and 0.0001: 1.003 and 1.0001
    found = result_of(gspo, log_ratios, batch_of([2, 2], [1.0, 1.0]), aggregation="sequence_mean")
    assert found.loss == pytest.approx(-(1.0004 + 1.0001) / 2, abs=1e-6)
    torch.testing.assert_close(found.gradient, torch.tensor([0.0, 0.0, -0.250025, -0.250025]))
    assert found.cut == (0.0, 0.5)


def ragged() -> TrainBatch:
    """Four completions of 3, 1, 5 and 2 tokens, one of them without an advantage."""
    return batch_of([3, 1, 5, 2], [1.5, -0.5, -2.0, 0.0])


def test_at_a_ratio_of_1_all_give_one_gradient() -> None:
    batch = ragged()
    for aggregation in get_args(Aggregation):
        expected = result_of(Clipped(), [0.0] * 11, batch, aggregation=aggregation).gradient
        assert torch.count_nonzero(expected) == 9
        for policy in BUILT_IN:
            found = result_of(policy, [0.0] * 11, batch, aggregation=aggregation).gradient
            torch.testing.assert_close(found, expected)


def varied() -> list[PolicyLoss]:
    """Every setting of every built-in loss, set to something else."""
    others: dict[type[Any], dict[str, Any]] = {
        Clipped: {"epsilon_low": 0.0, "epsilon_high": 0.0, "dual_clip": 1.5,
                  "ratio_level": "sequence", "max_log_ratio": PRE_CLIP},
        Cispo: {"max_ratio": 1.0, "min_ratio": 1.0},
        Gmpo: {"log_clip_low": 0.01, "log_clip_high": 0.01},
        Sapo: {"tau_positive": 5.0, "tau_negative": 0.2},
    }  # fmt: skip
    for kind, values in others.items():
        assert set(values) == set(kind.__dataclass_fields__)
    return [kind(**{name: value}) for kind, values in others.items()
            for name, value in values.items()]  # fmt: skip


def test_at_a_ratio_of_1_no_setting_changes_the_gradient_but_off_policy_each_does() -> None:
    batch = ragged()
    moved = [0.1, -1.0, 0.5, 9.0, -0.1, 0.3, -2.0, 5.0, 1.0, 0.5, -0.5]  # in and out of each bound
    for aggregation in get_args(Aggregation):
        for policy in varied():
            plain = type(policy)()
            still = [result_of(p, [0.0] * 11, batch, aggregation=aggregation)
                     for p in (policy, plain)]  # fmt: skip
            torch.testing.assert_close(still[0].gradient, still[1].gradient)
            off = [result_of(p, moved, batch, aggregation=aggregation) for p in (policy, plain)]
            assert not torch.allclose(off[0].gradient, off[1].gradient), policy


def test_weights_of_tokens_make_the_level_of_the_ratio_matter() -> None:
    # so that is not among the settings that are said to do nothing
    batch = replace(batch_of([2], [1.0]), sampling_per_token_logps=torch.tensor([-1.0, -0.5]))
    correction = SamplingCorrection()
    levels = [
        result_of(Clipped(ratio_level=level), [0.0, 0.0], batch, sampling_correction=correction)
        for level in ("token", "sequence")
    ]
    torch.testing.assert_close(levels[0].gradient, torch.tensor([-0.5, -0.5 * 0.606531]))
    torch.testing.assert_close(levels[1].gradient, torch.full((2,), -0.25 * 1.606531))
    cfg = composed("algorithm=maxrl")
    assert "ratio_level" in inert_settings(cfg)[0]
    cfg.algorithm.loss.sampling_correction = {"level": "token"}
    assert "ratio_level" not in inert_settings(cfg)[0]
    assert "epsilon_low" in inert_settings(cfg)[0]


def test_ratios_of_completions_of_one_token_are_those_of_tokens() -> None:
    batch = batch_of([1, 1, 1, 1], [1.0, -1.0, 2.0, -3.0])
    log_ratios = [0.5, -0.5, -0.1, 3.0]
    for settings in ({}, {"dual_clip": 3.0}, {"epsilon_low": 0.1, "epsilon_high": 0.9}):
        one, other = (
            result_of(Clipped(ratio_level=level, **settings), log_ratios, batch)
            for level in ("token", "sequence")
        )
        assert one.loss == other.loss
        assert torch.equal(one.gradient, other.gradient)
        assert one.cut == other.cut


def test_no_ratio_is_so_far_off_that_a_loss_is_not_finite() -> None:
    batch = batch_of([2, 2, 2, 2], [1.0, -1.0, 1.0, -1.0])
    far = torch.tensor([1e4] * 4 + [-1e4] * 4)
    terms: list[PolicyTerm] = []
    for policy in (*BUILT_IN, Clipped(ratio_level="sequence")):
        found = result_of(policy, far, batch)
        assert math.isfinite(found.loss)
        assert found.gradient.isfinite().all()
        old = torch.full((8,), -1.0)
        terms.append(policy(old + far, old, batch))
    assert all(math.exp(-20.1) < t.ratio.min() <= t.ratio.max() < math.exp(20.1) for t in terms)
    bounded = Clipped(max_log_ratio=PRE_CLIP)(old + far, old, batch)
    torch.testing.assert_close(bounded.ratio, torch.tensor([1000.0] * 4 + [0.001] * 4))


def test_what_is_outside_of_the_loss_enters_no_ratio_and_has_no_gradient() -> None:
    whole = batch_of([3, 2], [1.0, -1.0])
    masked = replace(whole, loss_mask=torch.tensor([True, False, True, False, False]))
    kept = batch_of([2], [1.0])
    for policy in (*BUILT_IN, Clipped(ratio_level="sequence")):
        found = result_of(policy, [0.1, 7.0, 0.3, -5.0, 2.0], masked)
        alone = result_of(policy, [0.1, 0.3], kept)
        assert found.loss == pytest.approx(alone.loss)
        torch.testing.assert_close(found.gradient[[0, 2]], alone.gradient)
        assert not found.gradient[[1, 3, 4]].any()


def test_a_loss_without_advantages_has_no_gradient_if_it_is_built_in() -> None:
    batch = batch_of([2, 1], [0.0, 0.0])
    for policy in BUILT_IN:
        assert LossConfig(policy=policy, beta=0.0).only_advantages_move
        assert not result_of(policy, [0.5, -3.0, 2.0], batch).gradient.any()
        assert not LossConfig(policy=policy, beta=0.01).only_advantages_move
        bonus = LossConfig(policy=policy, beta=0.0, entropy_coefficient=0.1)
        assert not bonus.only_advantages_move


def stay_close(logps: Tensor, old: Tensor, batch: TrainBatch) -> PolicyTerm:
    """A loss that has a gradient without an advantage: it pulls towards the old policy."""
    nothing = torch.zeros_like(logps, dtype=torch.bool)
    pull = (logps - old).square()
    return PolicyTerm(loss=pull, ratio=(logps - old).exp(), cut={"low": nothing, "high": nothing})


def test_of_another_loss_nobody_knows_so_nothing_is_left_out() -> None:
    policy = OwnPolicyLoss(f"{__name__}:{stay_close.__name__}")
    assert result_of(policy, [0.5], batch_of([1], [0.0])).gradient.item() == 1.0
    assert not LossConfig(policy=policy, beta=0.0).only_advantages_move


def test_impossible_settings_are_refused() -> None:
    nan: Any = math.nan
    refused: list[tuple[Callable[[], object], str]] = [
        (lambda: Clipped(epsilon_low=1.0), r"epsilon_low 1\.0 must lie in \[0, 1\)"),
        (lambda: Clipped(epsilon_low=nan), r"epsilon_low nan must lie in \[0, 1\)"),
        (lambda: Clipped(epsilon_high=-0.1), r"epsilon_high -0\.1 must not be negative"),
        (lambda: Clipped(dual_clip=nan), r"dual_clip is nan; it must exceed"),
        (
            lambda: Clipped(max_log_ratio=0.2),  # ln 1.2 = 0.182, but ln 0.8 = -0.223
            r"max_log_ratio is 0\.2; it must exceed 0\.2231, .* nothing is left to clip",
        ),
        (lambda: Clipped(max_log_ratio=nan), "max_log_ratio is nan"),
        (
            lambda: Clipped(ratio_level="completion"),  # type: ignore[arg-type]
            r"ratio_level is 'completion'; it must be one of \('token', 'sequence'\)",
        ),
        (lambda: Cispo(max_ratio=0.9), r"max_ratio 0\.9 must have 1 between them"),
        (lambda: Cispo(min_ratio=-0.1), r"min_ratio must not be negative; usual are 0 and 5"),
        (lambda: Gmpo(log_clip_low=0.0), r"log_clip_low 0\.0 .* must be above 0; .* are 0\.4"),
        (lambda: Gmpo(log_clip_high=-0.4), r"log_clip_high -0\.4 must be above 0"),
        (lambda: Sapo(tau_positive=0.0), r"tau_positive 0\.0 .* the paper's are 1\.0 and 1\.05"),
        (lambda: Sapo(tau_negative=nan), r"tau_negative nan must be above 0"),
        (lambda: LossConfig(beta=nan), r"beta is nan; it must be at least 0"),
    ]
    for make, message in refused:
        with pytest.raises(ValueError, match=message):
            make()
