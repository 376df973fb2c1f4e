"""Completions that cannot change an update go through no model, and the update stays what it is."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from sophia.data.datamodule import StepPlan
from sophia.grpo.loss import LossConfig
from sophia.models.load import load_model
from sophia.rewards.checkers.verdict import UNSCORED, Verdict
from sophia.training.update import UpdateConfig
from sophia.types import Completion, Prompt
from tests.processes import sharded_run
from tests.sharded_worker import TextOnly, second_ranks_prompts
from tests.short_run import LIGHTNINGS_REMARKS, EqualOn, LetterShare, Run
from tests.training.test_grpo_module import close, same

pytestmark = LIGHTNINGS_REMARKS

KNOWN = ("loss", "policy_loss", "grad_norm", "reward", "frac_reward_zero_std", "lr")
EVERYTHING = range(40)


class Full(LossConfig):
    """Computes everything, as before anything was left out."""

    @property
    def only_advantages_move(self) -> bool:
        return False


def prompts_of_step(step: int, *, first: int) -> list[int]:
    """The indices of the first prompts of a step of one process."""
    plan = StepPlan(num_prompts=40, prompts_per_step=4, seed=0)
    return list(plan.indices(step, rank=0, world_size=1))[:first]


def run(folder: Path, loss: LossConfig, **overrides: Any) -> Run:
    """Two steps of SGD with everything that moves weights without a gradient."""
    settings: dict[str, Any] = {
        "optimizer": partial(torch.optim.SGD, lr=0.1, momentum=0.9, weight_decay=0.1),
        "update": UpdateConfig(micro_batch_tokens=120),
        "outcome": EqualOn(prompts_of_step(0, first=2) + prompts_of_step(1, first=3)),
    }
    return Run(folder, num_steps=2, loss=loss, **{**settings, **overrides})


@pytest.mark.parametrize("aggregation", ["token_mean", "sequence_mean", "constant_length"])
@pytest.mark.parametrize("rows", ["shared", "naive"])
def test_the_update_is_that_of_the_full_computation(
    rows: str, aggregation: Any, tiny_folder: Path
) -> None:
    update = UpdateConfig(
        micro_batch_tokens=120, optimizer_steps_per_rollout=2, num_iterations=2, max_grad_norm=0.01
    )
    left = run(tiny_folder, LossConfig(beta=0.0, aggregation=aggregation), update=update, rows=rows)
    full = run(tiny_folder, Full(beta=0.0, aggregation=aggregation), update=update, rows=rows)
    close(left.fit().weights, full.fit().weights)
    names = (
        *KNOWN,
        *(n for n in full.logger.rows[0] if n.startswith(("clip_ratio/", "sampling/"))),
    )
    for step, share in ((0, 0.5), (1, 0.75)):
        row, whole = left.logger.rows[step], full.logger.rows[step]
        assert {n: row[n] for n in names} == pytest.approx(
            {n: whole[n] for n in names}, rel=1e-4, abs=1e-6
        )
        assert row["optim/frac_groups_left_out"] == share
        assert 0.0 < row["optim/frac_tokens_computed"] < 1.0
        assert "optim/frac_groups_left_out" not in whole


def test_a_reference_keeps_everything(tiny_folder: Path) -> None:
    row = run(tiny_folder, LossConfig(beta=0.04)).fit().logger.rows[0]
    bonus = run(tiny_folder, LossConfig(beta=0.0, entropy_coefficient=0.01)).fit().logger.rows[0]
    assert not any("left_out" in name for name in (*row, *bonus))
    assert "kl" in row


class Unscored(LetterShare):
    """Half of the completions leave their group."""

    def verdict(self, prompt: Prompt, completion: Completion) -> Verdict:
        return UNSCORED if completion.seed % 2 else super().verdict(prompt, completion)


def test_completions_outside_of_the_loss_are_left_out_too(tiny_folder: Path) -> None:
    left = run(tiny_folder, LossConfig(beta=0.0), outcome=Unscored()).fit()
    full = run(tiny_folder, Full(beta=0.0), outcome=Unscored()).fit()
    close(left.weights, full.weights)
    assert left.logger.rows[0]["grad_norm"] == pytest.approx(full.logger.rows[0]["grad_norm"])


@pytest.mark.parametrize("text_only", [False, True])
@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_with_nothing_left_decay_and_moments_act_as_ever(
    optimizer: str, text_only: bool, tiny_folder: Path
) -> None:
    kinds: dict[str, Any] = {
        "adamw": partial(torch.optim.AdamW, lr=1e-2, weight_decay=0.1),
        "sgd": partial(torch.optim.SGD, lr=0.1, momentum=0.9, weight_decay=0.1),
    }
    # in the first step there is a gradient, from which the moments of the second come
    outcome = EqualOn(prompts_of_step(1, first=4))
    runs = []
    for loss in (LossConfig(beta=0.0), Full(beta=0.0)):
        one = run(tiny_folder, loss, outcome=outcome, optimizer=kinds[optimizer])
        if text_only:
            one.data.train = TextOnly(set(prompts_of_step(1, first=4)))
        runs.append(one.fit())
    left, full = runs
    assert left.logger.rows[1]["optim/frac_groups_left_out"] == 1.0
    assert left.logger.rows[1]["grad_norm"] == full.logger.rows[1]["grad_norm"] == 0.0
    assert same(left.weights, full.weights)


def test_images_among_what_is_left_out_still_reach_the_tower(tiny_folder: Path) -> None:
    """Its parameters have a gradient, of 0, and so decay as they would."""
    images, texts = prompts_of_step(0, first=4)[:2], prompts_of_step(0, first=4)[2:]
    runs = []
    for loss in (LossConfig(beta=0.0), Full(beta=0.0)):
        one = run(tiny_folder, loss, outcome=EqualOn(images))
        one.data.train = TextOnly(set(texts))
        runs.append(one.fit())
    left, full = runs
    close(left.weights, full.weights)


@pytest.mark.slow
@pytest.mark.parametrize("copies", [False, True])
def test_a_process_with_nothing_left_joins_the_others(
    copies: bool, tiny_folder: Path, tmp_path: Path
) -> None:
    second = sorted(second_ranks_prompts(1))
    case: dict[str, Any] = {
        "folder": tiny_folder, "beta": 0.0, "micro_batch_tokens": 30, "copies": copies,
    }  # fmt: skip
    two = sharded_run(2, tmp_path / "two.pt", equal_on=second, **case)
    one = Run(
        tiny_folder, num_steps=1, loss=LossConfig(beta=0.0), outcome=EqualOn(second),
        optimizer=partial(torch.optim.SGD, lr=1.0), update=UpdateConfig(micro_batch_tokens=120),
    ).fit()  # fmt: skip
    assert two["rows"][0]["optim/frac_groups_left_out"] == 0.5
    for name in KNOWN:
        assert two["rows"][0][name] == pytest.approx(one.logger.rows[0][name], abs=1e-5)
    close(two["weights"], one.weights)


@pytest.mark.slow
def test_processes_with_nothing_left_anywhere_go_on(tiny_folder: Path, tmp_path: Path) -> None:
    two = sharded_run(
        2, tmp_path / "none.pt", folder=tiny_folder, beta=0.0, equal_on=list(EVERYTHING),
        num_steps=2,
    )  # fmt: skip
    assert [row["optim/frac_groups_left_out"] for row in two["rows"]] == [1.0, 1.0]
    assert [row["optim/skipped_steps"] for row in two["rows"]] == [0.0, 0.0]
    assert same(two["weights"], dict(load_model(tiny_folder).named_parameters()))
