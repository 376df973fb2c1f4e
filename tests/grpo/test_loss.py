"""The loss against hand arithmetic and the vectors published with NeMo-RL's loss tests.

Common fixture there: advantages 1, -1, 2; old log-probs -1; ratios 0.5, 1, 1.5; epsilon 0.2.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from sophia.grpo.batch import LossCounts, build_train_batch, token_weights
from sophia.grpo.loss import LogProbs, LossConfig, LossOutput, grpo_loss
from sophia.grpo.losses.clipped import Clipped
from sophia.metrics import Metrics, merged, values
from sophia.types import TrainBatch
from tests.builders import completion, rollout

OLD = torch.tensor([-1.0, -1.0, -1.0])
CURRENT = torch.tensor([-1.69315, -1.0, -0.59453])


def config(**overrides: Any) -> LossConfig:
    return LossConfig(**{"beta": 0.0, **overrides})


def batch_of(lengths: list[int], advantages: list[float]) -> TrainBatch:
    completions = tuple(completion(num_tokens=n) for n in lengths)
    flat = build_train_batch([rollout(completions=completions)])
    return replace(flat, advantages=torch.tensor(advantages))


def loss_of(
    current: Tensor, old: Tensor, batch: TrainBatch, settings: LossConfig, **extra: Any
) -> LossOutput:
    counts = LossCounts(
        tokens=batch.loss_mask.sum().float(),
        sequences=torch.tensor(float(len(batch.lengths))),
        max_new_tokens=10,
    )
    logps = LogProbs(policy=current, old=old, ref=None, entropy=torch.zeros_like(old))
    return grpo_loss(
        replace(logps, **extra),
        batch,
        token_weights=token_weights(batch, settings.aggregation, counts),
        num_tokens=counts.tokens,
        config=settings,
    )


def test_clipped_loss_is_the_published_value() -> None:
    # per token: -0.5, 1.0, -2.4
    output = loss_of(CURRENT, OLD, batch_of([1, 1, 1], [1.0, -1.0, 2.0]), config())
    assert output.loss.item() == pytest.approx(-0.6333, abs=1e-4)


def test_on_policy_loss_is_the_published_value() -> None:
    output = loss_of(CURRENT, CURRENT, batch_of([1, 1, 1], [1.0, -1.0, 2.0]), config())
    assert output.loss.item() == pytest.approx(-0.6667, abs=1e-4)
    assert output.metrics["ratio_mean"].value == pytest.approx(1.0)


def test_dual_clip_is_the_published_value() -> None:
    # ratios 0.5, 1, 10 and advantages 1, -1, -4: per token -0.5, 1, min(40, 12) = 12
    current = OLD + torch.tensor([0.5, 1.0, 10.0]).log()
    output = loss_of(
        current, OLD, batch_of([1, 1, 1], [1.0, -1.0, -4.0]), config(policy=Clipped(dual_clip=3.0))
    )
    assert output.loss.item() == pytest.approx(4.1667, abs=1e-4)


def test_sequence_ratio_is_the_published_value() -> None:
    # GSPO: one sequence of three tokens, ratio exp(mean) = 0.9086; the published loss averages
    # -0.9086 * advantages (1, -1, 2) = -0.6057. Advantages are per sequence here, so average them.
    losses = [
        loss_of(
            CURRENT, OLD, batch_of([3], [a]), config(policy=Clipped(ratio_level="sequence"))
        ).loss
        for a in (1.0, -1.0, 2.0)
    ]
    assert torch.stack(losses).mean().item() == pytest.approx(-0.6057, abs=1e-4)


def test_kl_penalty_is_the_published_value() -> None:
    # beta 0.1, current 0, -1, -2, reference -1: k3 = 0.368, 0, 0.718; mean * 0.1 = 0.0362
    current = torch.tensor([0.0, -1.0, -2.0])
    batch = batch_of([1, 1, 1], [0.0, 0.0, 0.0])
    output = loss_of(current, current, batch, config(beta=0.1), ref=OLD)
    assert output.loss.item() == pytest.approx(0.0362, abs=1e-4)
    assert output.metrics["kl"].value == pytest.approx(0.362, abs=1e-3)


def test_gain_is_clipped_above() -> None:
    # ratio exp(0.5) = 1.65, clipped to 1.2; loss = -1.2 * 1
    output = loss_of(torch.tensor([-0.5]), torch.tensor([-1.0]), batch_of([1], [1.0]), config())
    assert output.loss.item() == pytest.approx(-1.2)
    assert output.metrics["clip_ratio/high_mean"].value == 1.0
    assert output.metrics["clip_ratio/low_mean"].value == 0.0


def test_epsilon_high_moves_only_the_upper_clip() -> None:
    settings = config(policy=Clipped(epsilon_high=0.5))
    up = loss_of(torch.tensor([-0.5]), torch.tensor([-1.0]), batch_of([1], [1.0]), settings)
    down = loss_of(torch.tensor([-1.5]), torch.tensor([-1.0]), batch_of([1], [-1.0]), settings)
    assert up.loss.item() == pytest.approx(-1.5)
    assert down.loss.item() == pytest.approx(0.8)  # ratio 0.607 clipped to 0.8
    assert down.metrics["clip_ratio/low_mean"].value == 1.0


@pytest.mark.parametrize(
    ("aggregation", "expected"),
    [
        ("token_mean", (3 * 1.0 + 1 * 2.0) / 4),
        ("sequence_mean", (1.0 + 2.0) / 2),
        ("constant_length", (3 * 1.0 + 1 * 2.0) / (2 * 10)),
    ],
)
def test_aggregations(aggregation: str, expected: float) -> None:
    # completions of 3 and 1 tokens whose per-token loss is 1 and 2; max_new_tokens 10
    batch = batch_of([3, 1], [-1.0, -2.0])
    zeros = torch.zeros(4)
    output = loss_of(zeros, zeros, batch, config(aggregation=aggregation))
    assert output.loss.item() == pytest.approx(expected)


def test_masked_tokens_neither_count_nor_weigh() -> None:
    batch = batch_of([2, 2], [-1.0, -5.0])
    masked = replace(batch, loss_mask=torch.tensor([True, True, False, False]))
    logps = torch.tensor([0.0, 0.0, float("nan"), float("nan")]).nan_to_num(50.0)
    output = loss_of(logps, torch.zeros(4), masked, config())
    assert output.loss.item() == pytest.approx(1.0)


def test_entropy_bonus_is_subtracted() -> None:
    batch = batch_of([2], [0.0])
    entropy = torch.tensor([1.0, 3.0])
    output = loss_of(
        torch.zeros(2), torch.zeros(2), batch, config(entropy_coefficient=0.1), entropy=entropy
    )
    assert output.loss.item() == pytest.approx(-0.2)
    assert output.metrics["entropy"].value == pytest.approx(2.0)


def test_micro_batches_add_up_to_the_whole() -> None:
    # OpenRLHF's window: 2 and 5 tokens; per-micro-batch means would give something else.
    from sophia.grpo.batch import slice_sequences, token_slice

    batch = batch_of([2, 5], [1.0, -2.0])
    current = torch.linspace(-2, -0.5, 7)
    whole = loss_of(current, torch.full((7,), -1.0), batch, config()).loss
    counts = LossCounts(tokens=torch.tensor(7.0), sequences=torch.tensor(2.0), max_new_tokens=10)
    weights = token_weights(batch, "token_mean", counts)
    parts = []
    for start, stop in ((0, 1), (1, 2)):
        tokens = token_slice(batch, start, stop)
        old = torch.full((7,), -1.0)[tokens]
        logps = LogProbs(policy=current[tokens], old=old, ref=None, entropy=torch.zeros_like(old))
        micro = slice_sequences(batch, start, stop)
        parts.append(
            grpo_loss(
                logps, micro, token_weights=weights[tokens], num_tokens=counts.tokens,
                config=config(),
            ).loss
        )  # fmt: skip
    torch.testing.assert_close(sum(parts), whole)


def test_metrics_of_unequal_ranks_are_those_of_all_their_tokens() -> None:
    # 2 tokens on one rank and 5 on the other, so 3.5 on average; a mean of means differs
    current, old = torch.linspace(-2, -0.5, 7), torch.full((7,), -1.0)

    def metrics(lengths: list[int], tokens: slice, num_tokens: float) -> Metrics:
        logps = LogProbs(policy=current[tokens], old=old[tokens], ref=None, entropy=current[tokens])
        return grpo_loss(
            logps, batch_of(lengths, [1.0] * len(lengths)),
            token_weights=torch.full((sum(lengths),), 1 / num_tokens),
            num_tokens=torch.tensor(num_tokens), config=config(),
        ).metrics  # fmt: skip

    ranks = [metrics([2], slice(0, 2), 3.5), metrics([5], slice(2, 7), 3.5)]
    whole = metrics([2, 5], slice(0, 7), 7.0)
    assert values(merged(ranks)) == pytest.approx(values(whole), rel=1e-6)
    assert values(whole)["entropy"] == pytest.approx(-1.25)  # of -2, -1.75, ..., -0.5


def test_a_rank_without_a_token_in_the_loss_measures_nothing() -> None:
    batch = batch_of([2], [1.0])
    masked = replace(batch, loss_mask=torch.zeros(2, dtype=torch.bool))
    logps = LogProbs(policy=torch.zeros(2), old=torch.zeros(2), ref=None, entropy=torch.ones(2))
    output = grpo_loss(
        logps, masked, token_weights=torch.zeros(2), num_tokens=torch.tensor(1.0), config=config()
    )
    assert output.loss.item() == 0.0
    assert values(output.metrics) == {}


def test_dual_clip_below_the_clip_is_refused() -> None:
    with pytest.raises(ValueError, match=r"dual_clip is 1\.1; it must exceed .* usual is 3"):
        Clipped(dual_clip=1.1)
