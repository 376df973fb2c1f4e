"""What the rollout callback asks of the engine, in which order, and what it refuses."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from sophia.callbacks.rollout import RolloutCallback
from sophia.chat.failure import ServerDown
from sophia.data.datamodule import StepPlan
from sophia.data.digits import DigitsDataset
from sophia.failures import EngineFailed
from sophia.grpo.estimators.batch import BatchAdvantages
from sophia.grpo.loss import LossConfig
from sophia.protocols import JudgeStep
from sophia.rewards.digits_judge import DigitsJudge
from sophia.rollout.seeds import completion_seed
from sophia.rollout.sync import SyncSettings
from sophia.rollout.transformers.engine import TransformersEngine
from sophia.types import GenerationRequest, SamplingParams
from tests.short_run import LIGHTNINGS_REMARKS, SAMPLING, Run

pytestmark = LIGHTNINGS_REMARKS

QUIET = SyncSettings(canary=False, probe_every_n_steps=0)
"""No completions but the step's own."""


class Noting(TransformersEngine):
    """Notes what is asked of it, then does it."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.events: list[str] = []
        self.asked: list[Sequence[GenerationRequest]] = []

    def load_weights(self, weights: Iterable[tuple[str, Tensor]]) -> int:
        self.events.append("weights")
        return super().load_weights(weights)

    def generate(self, requests: Sequence[GenerationRequest], sampling: SamplingParams) -> Any:
        self.events.append("completions")
        self.asked.append(requests)
        return super().generate(requests, sampling)


class Backwards(TransformersEngine):
    """Finishes the last prompt first."""

    def generate(self, requests: Sequence[GenerationRequest], sampling: SamplingParams) -> Any:
        return reversed(list(super().generate(requests, sampling)))


class Losing(TransformersEngine):
    """Does not answer its first request."""

    def generate(self, requests: Sequence[GenerationRequest], sampling: SamplingParams) -> Any:
        return list(super().generate(requests, sampling))[1:]


class Colder(TransformersEngine):
    """Draws at another temperature than it is told."""

    def generate(self, requests: Sequence[GenerationRequest], sampling: SamplingParams) -> Any:
        return super().generate(requests, replace(sampling, temperature=0.5))


class NotingJudge(DigitsJudge):
    """Notes when a step of it is opened, among the events of an engine."""

    def __init__(self, events: list[str], *, down: bool = False) -> None:
        self._events = events
        self._down = down

    def open_step(self) -> JudgeStep:
        self._events.append("scores")
        if self._down:
            raise ServerDown("the judge is down")
        return super().open_step()


def noting_run(folder: Path, **settings: Any) -> tuple[Run, Noting]:
    run = Run(folder, num_steps=2, engine=Noting, sync=QUIET, **settings)
    assert isinstance(run.engine, Noting)
    return run, run.engine


def uids(rl_step: int) -> list[str]:
    """Of the prompts of a step of the short run, in its order."""
    plan = StepPlan(num_prompts=40, prompts_per_step=4, seed=0)
    train = DigitsDataset(split="train", num_prompts=40, seed=0)
    return [train[index].uid for index in plan.indices(rl_step, rank=0, world_size=1)]


def test_the_prompts_of_the_step_in_their_order_each_completion_with_its_seed(
    tiny_folder: Path,
) -> None:
    run, engine = noting_run(tiny_folder)
    run.fit()
    assert len(engine.asked) == 2
    for rl_step, requests in enumerate(engine.asked):
        assert [request.prompt.uid for request in requests] == uids(rl_step)
        for request in requests:
            uid = request.prompt.uid
            assert request.seeds == tuple(completion_seed(0, rl_step, uid, i) for i in range(4))
    assert len({seed for asked in engine.asked for r in asked for seed in r.seeds}) == 2 * 4 * 4


def test_weights_come_first_and_scores_are_open_before_anything_is_drawn(
    tiny_folder: Path,
) -> None:
    run, engine = noting_run(tiny_folder)
    run.judge_by(NotingJudge(engine.events))
    run.fit()
    assert engine.events == ["weights", "scores", "completions"] * 2


def test_nothing_is_drawn_when_the_judge_is_down(tiny_folder: Path) -> None:
    run, engine = noting_run(tiny_folder)
    run.judge_by(NotingJudge(engine.events, down=True))
    with pytest.raises(ServerDown):
        run.fit()
    assert engine.events == ["weights", "scores"]


def test_groups_that_finish_in_another_order_train_the_same(tiny_folder: Path) -> None:
    plain = Run(tiny_folder, num_steps=2).fit()
    backwards = Run(tiny_folder, num_steps=2, engine=Backwards).fit()
    assert backwards.logger.rows == plain.logger.rows
    for name, weight in plain.weights.items():
        assert torch.equal(weight, backwards.weights[name])


def test_a_lost_request_is_noticed(tiny_folder: Path) -> None:
    with pytest.raises(AssertionError, match="the engine lost a request"):
        Run(tiny_folder, num_steps=1, engine=Losing, sync=QUIET).fit()


def test_each_sync_is_in_the_row_of_its_step(tiny_folder: Path) -> None:
    sync = SyncSettings(every_n_steps=2, readback_weights=3, readback_columns=1, canary=False)
    run = Run(tiny_folder, num_steps=3, sync=sync).fit()
    rows = run.logger.rows
    trained = float(len(run.weights))
    assert [row["sync/tensors"] for row in rows] == [trained, 0.0, trained]
    assert run.engine.weights_version == 2
    # a column of each of three weights, whose rows are 1 to 512
    compared = [row.get("sync/readback_elements") for row in rows]
    assert compared[1] is None
    assert all(value is not None and 3 <= value <= 3 * 512 for value in (compared[0], compared[2]))
    assert rows[0]["sync/probe_max_abs_diff"] < 1e-4
    assert not any("sync/probe_max_abs_diff" in row for row in rows[1:])  # every tenth step


def test_the_canary_and_the_probe_leave_no_trace_in_the_run(tiny_folder: Path) -> None:
    proved = Run(tiny_folder, num_steps=2, sync=SyncSettings()).fit()
    plain = Run(tiny_folder, num_steps=2, sync=QUIET).fit()
    assert proved.engine.weights_version == plain.engine.weights_version + 5  # the canary's pushes
    for name, weight in plain.weights.items():
        assert torch.equal(weight, proved.weights[name])


def test_an_engine_that_draws_otherwise_than_told_is_found(tiny_folder: Path) -> None:
    sync = SyncSettings(canary=False, max_probe_difference=1e-3)
    with pytest.raises(EngineFailed, match=r"apart, above max_probe_difference=0\.001"):
        Run(tiny_folder, num_steps=1, engine=Colder, sync=sync).fit()


class Lost(TransformersEngine):
    """Gives log-probabilities that are NaN."""

    def generate(self, requests: Sequence[GenerationRequest], sampling: SamplingParams) -> Any:
        for place, rollout in super().generate(requests, sampling):
            lost = [
                replace(c, sampling_logps=(math.nan,) * len(c.token_ids))
                for c in rollout.completions
            ]
            yield place, replace(rollout, completions=tuple(lost))


def test_the_probe_takes_nan_for_no_agreement(tiny_folder: Path) -> None:
    sync = SyncSettings(canary=False)
    with pytest.raises(EngineFailed, match="give a token log-probabilities nan apart"):
        Run(tiny_folder, num_steps=1, engine=Lost, sync=sync).fit()


def test_a_group_of_one_is_compared_with_the_step(tiny_folder: Path) -> None:
    run = Run(tiny_folder, num_steps=2, estimator=BatchAdvantages(), loss=LossConfig(beta=0.0))
    run.callbacks[0] = RolloutCallback(
        engine=run.engine, composer=run.composer, sampling=SAMPLING, num_generations=1,
        seed=0, sync=run.sync,
    )  # fmt: skip
    for row in run.fit().logger.rows:
        assert row["grad_norm"] > 0.0
        assert row["optim/frac_groups_left_out"] == 0.0
        assert "frac_reward_zero_std" not in row  # of which 1 would be an alarm
