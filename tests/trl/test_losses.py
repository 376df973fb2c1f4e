"""Our losses against TRL's own, on the same log-probs: the same number, the same gradient.

TRL pads to a rectangle (B, T), ours are flat rows. Where the two differ it is by what they divide
by, which each test states.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from torch import Tensor
from trl import GRPOTrainer, RLOOTrainer
from trl.experimental.gmpo import GMPOTrainer

from sophia.grpo.batch import Aggregation, LossCounts, num_loss_sequences, token_weights
from sophia.grpo.loss import LogProbs, LossConfig, LossOutput, grpo_loss
from sophia.grpo.losses.cispo import Cispo
from sophia.grpo.losses.clipped import Clipped
from sophia.grpo.losses.gmpo import Gmpo
from sophia.grpo.losses.sapo import Sapo
from sophia.types import TrainBatch
from tests.grpo.test_loss import batch_of
from tests.trl.trainers import without_model

LENGTHS = [3, 1, 7, 2, 5]
ADVANTAGES = [1.2, -0.7, -1.5, 0.4, 0.0]
LONGEST = 7
LIMIT = 10  # max_completion_length, our max_new_tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """Log-probs of ragged completions, (N,) each, and which completions are in the loss."""

    policy: Tensor
    old: Tensor
    ref: Tensor
    entropy: Tensor
    kept: tuple[bool, ...] = (True,) * len(LENGTHS)

    @property
    def batch(self) -> TrainBatch:
        """As our losses take them."""
        whole = batch_of(LENGTHS, ADVANTAGES)
        return replace(whole, loss_mask=torch.tensor(self.kept)[whole.sequence_ids])

    @property
    def real(self) -> Tensor:
        """(B, T) bool: where TRL's rectangle has a token, and where it has padding."""
        return torch.arange(LONGEST) < torch.tensor(LENGTHS)[:, None]

    def padded(self, values: Tensor) -> Tensor:
        """(B, T) of (N,)."""
        return torch.zeros(len(LENGTHS), LONGEST).masked_scatter(self.real, values)


def tokens(spread: float, **overrides: Any) -> Tokens:
    """Policy and reference that are as far as ``spread`` from the policy that sampled."""
    generator = torch.Generator().manual_seed(int(spread * 100))
    number = sum(LENGTHS)
    old = -2.0 * torch.rand(number, generator=generator) - 0.1
    away = [spread * torch.randn(number, generator=generator) for _ in range(2)]
    return replace(
        Tokens(
            policy=old + away[0],
            old=old,
            ref=old + away[1],
            entropy=torch.rand(number, generator=generator),
        ),
        **overrides,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A loss, its gradient by the policy's log-probs (N,), and what was logged."""

    loss: float
    gradient: Tensor
    metrics: dict[str, float]


def of_trl(given: Tokens, kind: type[Any] = GRPOTrainer, **settings: Any) -> Result:
    """What TRL's loss is, and its gradient at the tokens that are real."""
    made = without_model(kind, max_completion_length=LIMIT, **settings)
    policy = given.padded(given.policy).requires_grad_()
    made._get_per_token_logps_and_entropies = lambda *_, **__: (
        policy,
        given.padded(given.entropy),
        None,
    )
    mask = (given.real & torch.tensor(given.kept)[:, None]).long()
    ids = torch.zeros(mask.shape, dtype=torch.long)
    loss = made._compute_loss(
        None,
        {
            "prompt_ids": ids[:, :1], "prompt_mask": ids[:, :1], "completion_ids": ids,
            "completion_mask": mask, "advantages": torch.tensor(ADVANTAGES),
            "old_per_token_logps": given.padded(given.old),
            "ref_per_token_logps": given.padded(given.ref),
            "old_logps": (given.padded(given.old) * mask).sum(1),
            "num_items_in_batch": settings.get("num_items", mask.sum()),
        },
    )  # fmt: skip
    (gradient,) = torch.autograd.grad(loss, policy)
    assert not gradient[~given.real].any()
    logged = {name: values[0] for name, values in made._metrics["train"].items()}
    return Result(loss=loss.item(), gradient=gradient[given.real], metrics=logged)


def of_ours(given: Tokens, *, aggregation: Aggregation, **settings: Any) -> Result:
    """What ours is, as an optimizer step computes it."""
    batch = given.batch
    values: dict[str, Any] = {"beta": 0.0, **settings}
    loss = LossConfig(aggregation=aggregation, **values)
    counts = LossCounts(
        tokens=batch.loss_mask.sum().float(),
        sequences=torch.tensor(float(num_loss_sequences(batch))),
        max_new_tokens=LIMIT,
    )
    policy = given.policy.clone().requires_grad_()
    output: LossOutput = grpo_loss(
        LogProbs(
            policy=policy, old=given.old, ref=given.ref if loss.beta else None,
            entropy=given.entropy,
        ),
        batch, token_weights=token_weights(batch, aggregation, counts), num_tokens=counts.tokens,
        config=loss,
    )  # fmt: skip
    (gradient,) = torch.autograd.grad(output.loss, policy)
    logged = {name: metric.value for name, metric in output.metrics.items()}
    return Result(
        loss=output.loss.item(),
        gradient=gradient,
        metrics={name: value for name, value in logged.items() if value is not None},
    )


def agree(ours: Result, theirs: Result, *, factor: float = 1.0) -> None:
    """Ours is TRL's times a factor, number and gradient."""
    assert ours.gradient.any()
    assert ours.loss == pytest.approx(factor * theirs.loss, rel=1e-5, abs=1e-6)
    torch.testing.assert_close(ours.gradient, factor * theirs.gradient)


AGGREGATIONS: tuple[tuple[str, Aggregation], ...] = (
    ("grpo", "sequence_mean"),
    ("dr_grpo", "constant_length"),
    ("dapo", "token_mean"),
    ("bnpo", "token_mean"),
)
SPREADS = (0.0, 0.1, 0.6, 2.5)
EPSILONS = ((0.2, 0.2), (0.2, 0.28), (0.05, 1.0))


def test_clipped_is_trls_under_every_way_to_aggregate() -> None:
    for spread in SPREADS:
        for low, high in EPSILONS:
            for loss_type, aggregation in AGGREGATIONS:
                for level in ("token", "sequence"):
                    policy = Clipped(epsilon_low=low, epsilon_high=high, ratio_level=level)
                    ours = of_ours(tokens(spread), aggregation=aggregation, policy=policy)
                    theirs = of_trl(
                        tokens(spread), loss_type=loss_type, epsilon_low=low, epsilon_high=high,
                        importance_sampling_level=level,
                    )  # fmt: skip
                    agree(ours, theirs)


def test_gspo_is_trls_with_the_papers_bounds() -> None:
    bounds: dict[str, Any] = {"epsilon_low": 3e-4, "epsilon_high": 4e-4}
    for spread in (1e-4, 1e-2, 0.3):
        given = tokens(spread)
        policy = Clipped(ratio_level="sequence", **bounds)
        theirs = of_trl(given, importance_sampling_level="sequence", **bounds)
        agree(of_ours(given, aggregation="sequence_mean", policy=policy), theirs)


def test_dual_clip_is_trls_delta() -> None:
    for spread in SPREADS:
        policy = Clipped(dual_clip=3.0)
        theirs = of_trl(tokens(spread), loss_type="dapo", delta=3.0)
        agree(of_ours(tokens(spread), aggregation="token_mean", policy=policy), theirs)


def test_cispo_sapo_and_gmpo_are_trls() -> None:
    # TRL's epsilon_high of CISPO is the bound of the weight itself, as our max_ratio is
    for spread in SPREADS:
        given = tokens(spread)
        for bound in (1.2, 5.0):
            ours = of_ours(given, aggregation="token_mean", policy=Cispo(max_ratio=bound))
            agree(ours, of_trl(given, loss_type="cispo", epsilon_high=bound))
        for up, down in ((1.0, 1.05), (0.5, 3.0)):
            sapo = Sapo(tau_positive=up, tau_negative=down)
            theirs = of_trl(
                given, loss_type="sapo", sapo_temperature_pos=up, sapo_temperature_neg=down
            )
            agree(of_ours(given, aggregation="sequence_mean", policy=sapo), theirs)
        for low, high in ((0.4, 0.4), (0.1, 0.3)):
            gmpo = Gmpo(log_clip_low=low, log_clip_high=high)
            theirs = of_trl(given, GMPOTrainer, epsilon_low=low, epsilon_high=high)
            agree(of_ours(given, aggregation="sequence_mean", policy=gmpo), theirs)


def test_kl_is_trls_and_is_aggregated_as_the_loss_is() -> None:
    # TRL does not bound k3; ours stands at 10, and its log-ratio at 20, which nothing here reaches
    for spread in (0.1, 0.6):
        given = tokens(spread)
        for loss_type, aggregation in AGGREGATIONS:
            ours = of_ours(given, aggregation=aggregation, beta=0.3)
            agree(ours, of_trl(given, loss_type=loss_type, beta=0.3))
        gmpo = of_ours(given, aggregation="sequence_mean", policy=Gmpo(), beta=0.3)
        bounds: dict[str, Any] = {"epsilon_low": 0.4, "epsilon_high": 0.4}
        agree(gmpo, of_trl(given, GMPOTrainer, beta=0.3, **bounds))


def test_the_entropy_bonus_is_trls_under_token_mean_only() -> None:
    # TRL's is a mean over tokens whatever the loss type is; ours is aggregated as the loss is
    given = tokens(0.3)
    bonus: dict[str, Any] = {"_entropy_bonus_enabled": True, "entropy_coef": 0.1}
    for loss_type, aggregation in AGGREGATIONS:
        ours = of_ours(given, aggregation=aggregation, entropy_coefficient=0.1)
        theirs = of_trl(given, loss_type=loss_type, **bonus)
        same = ours.loss == pytest.approx(theirs.loss, rel=1e-5)
        assert same == (aggregation == "token_mean"), loss_type


def test_figures_have_trls_names_and_values() -> None:
    given = tokens(0.6)
    ours = of_ours(given, aggregation="token_mean", beta=0.1).metrics
    theirs = of_trl(given, loss_type="dapo", beta=0.1).metrics
    names = ("kl", "entropy", "clip_ratio/low_mean", "clip_ratio/high_mean")
    for name in (*names, "clip_ratio/region_mean"):
        assert theirs[name] > 0.0
        assert ours[name] == pytest.approx(theirs[name], rel=1e-5)


def test_completions_out_of_the_loss_count_in_trls_mean_and_not_in_ours() -> None:
    # Two of five are out. A mean over completions has a denominator of 5 there, of 3 here; one over
    # tokens is the same.
    given = tokens(0.6, kept=(True, False, True, True, False))
    for loss_type, aggregation in AGGREGATIONS:
        factor = 1.0 if aggregation == "token_mean" else 5 / 3
        ours = of_ours(given, aggregation=aggregation)
        agree(ours, of_trl(given, loss_type=loss_type), factor=factor)
    ours = of_ours(given, aggregation="sequence_mean", policy=Sapo())
    agree(ours, of_trl(given, loss_type="sapo"), factor=5 / 3)


def test_dapos_tokens_are_those_of_a_mean_step_in_trl_and_of_this_step_in_ours() -> None:
    # A rollout of 100 tokens for 4 updates: TRL divides each by 25, ours this one by its own 18
    given = tokens(0.6)
    for loss_type, policy in (("dapo", Clipped()), ("cispo", Cispo(max_ratio=1.2))):
        theirs = of_trl(
            given, loss_type=loss_type, steps_per_generation=4, num_items=torch.tensor(100),
            epsilon_high=1.2 if loss_type == "cispo" else 0.2,
        )  # fmt: skip
        agree(of_ours(given, aggregation="token_mean", policy=policy), theirs, factor=25 / 18)


def test_bnpo_divides_a_micro_batch_by_its_own_tokens() -> None:
    # Two micro-batches of 2 and 8 tokens with losses 1 and 2: TRL's bnpo (1 + 2) / 2, ours and
    # TRL's dapo (2 * 1 + 8 * 2) / 10
    parts = []
    for loss_type in ("bnpo", "dapo"):
        made = {"loss_type": loss_type, "current_gradient_accumulation_steps": 2,
                "steps_per_generation": 2, "num_items": torch.tensor(10)}  # fmt: skip
        parts.append([constant(number, loss, **made) for number, loss in ((2, 1.0), (8, 2.0))])
    assert sum(parts[0]) == pytest.approx(1.5)
    assert sum(parts[1]) == pytest.approx(1.8)
    batch = batch_of([2, 8], [-1.0, -2.0])
    counts = LossCounts(
        tokens=torch.tensor(10.0), sequences=torch.tensor(2.0), max_new_tokens=LIMIT
    )
    zeros = torch.zeros(10)
    ours = grpo_loss(
        LogProbs(policy=zeros, old=zeros, ref=None, entropy=zeros), batch,
        token_weights=token_weights(batch, "token_mean", counts), num_tokens=counts.tokens,
        config=LossConfig(beta=0.0),
    )  # fmt: skip
    assert ours.loss.item() == pytest.approx(1.8)


def constant(number: int, loss: float, **settings: Any) -> float:
    """TRL's loss of one completion of that many tokens, each of which loses that much."""
    made = without_model(GRPOTrainer, **settings)
    zeros = torch.zeros(1, number)
    made._get_per_token_logps_and_entropies = lambda *_, **__: (zeros, zeros, None)
    inputs = {
        "prompt_ids": zeros[:, :1], "prompt_mask": zeros[:, :1], "completion_ids": zeros,
        "completion_mask": torch.ones(1, number), "advantages": torch.tensor([-loss]),
        "num_items_in_batch": settings["num_items"],
    }  # fmt: skip
    found: float = made._compute_loss(None, inputs).item()
    return found


def test_rloo_is_trls_on_policy_but_for_the_length_limit() -> None:
    # TRL's ratio is of the product over a completion, clipped; ours is a token's. Both are 1 with
    # one update per rollout, and the gradient is that of A * the sum of a completion's log-probs,
    # which we divide by the length limit, and TRL does not
    given = tokens(0.0)
    theirs = of_trl(given, RLOOTrainer)
    ours = of_ours(given, aggregation="constant_length")
    torch.testing.assert_close(LIMIT * ours.gradient, theirs.gradient)
    apart = tokens(0.3)
    off = of_ours(apart, aggregation="constant_length").gradient
    assert not torch.allclose(LIMIT * off, of_trl(apart, RLOOTrainer).gradient)
