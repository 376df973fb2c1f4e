"""Our advantages, and our weights for another sampler, against those that TRL's own code makes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from trl import GRPOTrainer, RLOOTrainer

from sophia.grpo.correction import SamplingCorrection, correction_weights
from sophia.grpo.estimators.batch import BatchAdvantages
from sophia.grpo.estimators.group import GroupAdvantages
from sophia.grpo.estimators.leave_one_out import LeaveOneOutAdvantages
from sophia.grpo.estimators.per_part import PerPartAdvantages
from sophia.grpo.estimators.scores import AdvantageEstimator
from tests.grpo.scores import alone, scores_of
from tests.grpo.test_loss import batch_of
from tests.trl.trainers import without_model

EPSILON = 1e-4  # TRL's, which is no setting there
REWARDS: list[float | None] = [1.0, 0.0, 0.9, 0.1, 2.0, 2.0, 5.0, 2.5, None, 1.0, 0.25, None]
FAMILIES = [place // 4 for place in range(12)]


def of_trl(
    kind: type[Any], parts: Sequence[Sequence[float | None]], *, weights: Sequence[float] = (1.0,),
    num_generations: int = 4, **settings: Any,
) -> Tensor:  # fmt: skip
    """(B,) the advantages of prompts with as many completions each; one list a reward function."""
    given = torch.tensor([[math.nan if v is None else v for v in part] for part in parts]).T
    made = without_model(
        kind, num_generations=num_generations, reward_weights=torch.tensor(weights),
        reward_funcs=list(parts), reward_func_names=[f"part_{i}" for i in range(len(parts))],
        **settings,
    )  # fmt: skip
    made._calculate_rewards = lambda *_: given
    ids = [[7, 8]] * len(given)
    generated: tuple[Any, ...] = (ids, ids, None, ids, None, {}, None, None)
    made._generate = lambda _: generated if kind is GRPOTrainer else (ids, ids, ids)
    zeros = torch.zeros(len(given), 2)
    made._get_per_token_logps_and_entropies = lambda *_, **__: (zeros, zeros, None)
    found: Tensor = made._generate_and_score_completions([{"prompt": "?"}] * len(given))[
        "advantages"
    ]
    return found


def ours(
    estimator: AdvantageEstimator, rewards: Sequence[float | None] = REWARDS, **parts: Any
) -> Tensor:
    """(12,) what an estimator gives the same completions."""
    return estimator(scores_of(rewards, families=FAMILIES, **parts), everywhere=alone)


def test_group_batch_and_none_are_trls_scale_rewards() -> None:
    for scale in ("group", "batch", "none"):
        found = ours(GroupAdvantages(scale=scale, epsilon=EPSILON))
        torch.testing.assert_close(found, of_trl(GRPOTrainer, [REWARDS], scale_rewards=scale))


def test_equal_rewards_whose_mean_rounds_are_0_here_and_noise_in_trl() -> None:
    equal = [0.7] * 8
    theirs = of_trl(GRPOTrainer, [equal], num_generations=8)
    assert 0.0 < theirs.abs().max() < 1e-3
    found = GroupAdvantages(epsilon=EPSILON)(scores_of(equal), everywhere=alone)
    assert found.tolist() == [0.0] * 8


def test_leave_one_out_is_that_of_trls_rloo() -> None:
    torch.testing.assert_close(ours(LeaveOneOutAdvantages()), of_trl(RLOOTrainer, [REWARDS]))


def test_reinforce_pp_baseline_is_trls_rloo_with_normalised_advantages() -> None:
    # the factor G / (G - 1) of groups of one size falls out; TRL adds 1e-4 to another deviation
    whole = [1.0, 0.0, 0.9, 0.1, 2.0, 2.0, 5.0, 2.5, 0.0, 1.0, 0.25, 0.0]
    theirs = of_trl(RLOOTrainer, [whole], normalize_advantages=True)
    found = ours(GroupAdvantages(scale="centred_batch", epsilon=0.0), whole)
    torch.testing.assert_close(found, theirs, atol=1e-3, rtol=1e-3)


def test_batch_is_trls_batch_of_one_group() -> None:
    theirs = of_trl(GRPOTrainer, [REWARDS[:4]], scale_rewards="batch")
    scores = scores_of(REWARDS[:4], families=[0, 1, 2, 3])
    found = BatchAdvantages(epsilon=EPSILON)(scores, everywhere=alone)
    torch.testing.assert_close(found, theirs)


def test_per_part_is_trls_normalize_then_sum() -> None:
    first = [1.0, 0.0, 0.9, 0.1, 2.0, 2.0, 5.0, 2.5, 0.0, 1.0, 0.25, 0.0]
    second = [0.0, 40.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, -5.0, 0.0, 5.0, 5.0]  # equal in the second
    total = [a + 0.5 * b for a, b in zip(first, second, strict=True)]
    parts = {"first": (first, 1.0), "second": (second, 0.5)}
    theirs = of_trl(
        GRPOTrainer, [first, second], weights=(1.0, 0.5),
        multi_objective_aggregation="normalize_then_sum",
    )  # fmt: skip
    found = ours(PerPartAdvantages(epsilon=EPSILON), total, parts=parts)
    torch.testing.assert_close(found, theirs, atol=1e-5, rtol=1e-5)


def test_weights_for_another_sampler_are_trls() -> None:
    generator = torch.Generator().manual_seed(0)
    old = -2.0 * torch.rand(3, 4, generator=generator)
    sampling = old + 0.8 * torch.randn(3, 4, generator=generator)
    flat = replace(batch_of([4, 4, 4], [1.0] * 3), sampling_per_token_logps=sampling.flatten())
    for mode, action, level in (
        ("token_truncate", "truncate", "token"),
        ("token_mask", "mask", "token"),
        ("sequence_truncate", "truncate", "sequence_product"),
        ("sequence_mask", "mask", "sequence_product"),
    ):
        theirs = _importance_ratio(old, sampling, mode=mode)
        correction = SamplingCorrection(
            level=level, action=action, mask_level=level, lower=0.5, upper=1.5  # type: ignore[arg-type]
        )  # fmt: skip
        found = correction_weights(old.flatten(), flat, correction).view(3, 4)
        torch.testing.assert_close(found, theirs.expand(3, 4))
        assert (found != 0).any()
        assert ((found == 0).any() or (found == 1.5).any()), mode  # fmt: skip


def _importance_ratio(old: Tensor, sampling: Tensor, *, mode: str) -> Tensor:
    """(B, T) or (B, 1): what TRL multiplies the loss by."""
    lower = 0.5 if mode.endswith("mask") else None
    made = without_model(
        GRPOTrainer, num_generations=3, reward_weights=torch.ones(1), reward_funcs=[len],
        reward_func_names=["part"], use_vllm=True, vllm_importance_sampling_correction=True,
        vllm_importance_sampling_mode=mode, vllm_importance_sampling_clip_min=lower,
        vllm_importance_sampling_clip_max=1.5,
    )  # fmt: skip
    ids = [[7] * 4] * 3
    made._generate = lambda _: (ids, ids, None, ids, sampling.tolist(), {}, None, None)
    made._calculate_rewards = lambda *_: torch.tensor([[0.0], [1.0], [0.5]])
    made._get_per_token_logps_and_entropies = lambda *_, **__: (old, old, None)
    found: Tensor = made._generate_and_score_completions([{"prompt": "?"}] * 3)[
        "importance_sampling_ratio"
    ]
    return found
