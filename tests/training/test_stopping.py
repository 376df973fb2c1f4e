"""When one process has to stop, all of them stop in that step, with a checkpoint to resume."""

from __future__ import annotations

import signal
import time
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Callback, LightningModule, Trainer

from sophia.callbacks.checkpoint import CheckpointCallback
from sophia.callbacks.stop_signal import StopSignalCallback
from sophia.failures import RunStopped
from sophia.grpo.loss import LossConfig
from sophia.grpo.losses.own import OwnPolicyLoss
from sophia.metrics import Metrics
from sophia.models.load import load_model
from sophia.protocols import TermStep
from sophia.rewards.terms.rule import RuleTerm
from sophia.run.checkpoint import list_checkpoints
from sophia.training.update import UpdateConfig
from sophia.types import GradedGroup, TermValues
from tests.processes import finish, sharded_run, start_processes, stopped_messages
from tests.short_run import LIGHTNINGS_REMARKS, Run

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("copies", [False, True], ids=["sharded", "ddp"])
def test_one_judge_that_is_down_stops_all_processes(
    copies: bool, tiny_folder: Path, tmp_path: Path
) -> None:
    case: dict[str, Any] = {
        "folder": tiny_folder, "run_dir": tmp_path, "num_steps": 3, "copies": copies,
        "strategy": {"asynchronous_checkpoints": True},
    }  # fmt: skip
    out = tmp_path / "out.pt"
    finish(start_processes(2, out, **case, judge_down_on_second=1), timeout_s=120.0)
    assert stopped_messages(2, out) == ["the judge of this process is down"] * 2
    assert [step for step, _ in list_checkpoints(tmp_path / "checkpoints")] == [1]
    resumed = sharded_run(2, out, **case, checkpoints=tmp_path / "checkpoints", resume=1)
    assert [row["rl_step"] for row in resumed["rows"]] == [1, 2]


FAILS_ON_THE_SECOND = """
import os

num_calls = 0

def f(completions, **columns):
    global num_calls
    num_calls += 1
    if os.environ["RANK"] == "1" and num_calls > 2:
        return [float("nan")] * len(completions)
    return [len(set(completion)) / 100 for completion in completions]
"""


@pytest.mark.parametrize("copies", [False, True], ids=["sharded", "ddp"])
def test_a_reward_that_fails_on_one_process_stops_all(
    copies: bool, tiny_folder: Path, tmp_path: Path
) -> None:
    source = tmp_path / "mine.py"
    source.write_text(FAILS_ON_THE_SECOND)
    case = {"folder": tiny_folder, "run_dir": tmp_path, "num_steps": 3, "copies": copies}
    out = tmp_path / "out.pt"
    processes = start_processes(2, out, **case, reward=f"{source}:f")
    finish(processes, timeout_s=120.0)
    first, second = stopped_messages(2, out)
    assert first == second
    assert first.startswith(f"the reward 'mine' ({source}:f) failed on the prompt 'digits-train-")
    assert "it returned float 'nan', expected a finite number" in first
    assert [step for step, _ in list_checkpoints(tmp_path / "checkpoints")] == [1]


OWN_ALGORITHM = """
import os
import torch
from sophia.grpo.losses.policy_loss import PolicyTerm

num_calls = 0

def _fail_on_the_second():
    global num_calls
    num_calls += 1
    if os.environ["RANK"] == "1" and num_calls > 1:
        raise LookupError("no such row")

def early(scores, *, everywhere):
    _fail_on_the_second()
    return scores.totals - everywhere(scores.totals).mean()

def late(scores, *, everywhere):
    advantages = scores.totals - everywhere(scores.totals).mean()
    _fail_on_the_second()
    return advantages

def policy(logps, old, batch):
    _fail_on_the_second()
    nothing = torch.zeros_like(logps, dtype=torch.bool)
    advantages = batch.advantages[batch.sequence_ids]
    ratio = (logps - old).exp()
    return PolicyTerm(loss=-advantages * ratio, ratio=ratio, cut={"low": nothing, "high": nothing})
"""


@pytest.mark.parametrize("copies", [False, True], ids=["sharded", "ddp"])
def test_an_algorithm_of_ones_own_that_fails_on_one_process_stops_all(
    copies: bool, tiny_folder: Path, tmp_path: Path
) -> None:
    # Three runs in one pair of processes, and then three in another that go on with them.
    shared: dict[str, Any] = {
        "folder": tiny_folder, "num_steps": 2, "copies": copies, "micro_batch_tokens": 1000,
    }  # fmt: skip
    failing: dict[str, dict[str, Any]] = {}
    resuming: dict[str, dict[str, Any]] = {}
    for key, name in (("estimator", "early"), ("estimator", "late"), ("policy", "policy")):
        own = tmp_path / name
        own.mkdir()
        (own / "mine.py").write_text(OWN_ALGORITHM)
        places = {"run_dir": str(own), "out": str(own / "out.pt")}
        failing[name] = {**places, key: f"{own / 'mine.py'}:{name}"}
        resuming[name] = {**places, "checkpoints": str(own / "checkpoints"), "resume": 1}
    out = tmp_path / "out.pt"
    finish(start_processes(2, out, **shared, cases=[*failing.values()]), timeout_s=120.0)
    for name, case in failing.items():
        first, second = stopped_messages(2, Path(case["out"]))
        assert first == second, name
        assert first.endswith(f"{name} failed: LookupError: no such row (mine.py, line 12).")
        saved = [step for step, _ in list_checkpoints(tmp_path / name / "checkpoints")]
        assert saved == [1], name
    finish(start_processes(2, out, **shared, cases=[*resuming.values()]), timeout_s=120.0)
    for name, case in resuming.items():
        resumed = torch.load(case["out"], weights_only=True)
        assert [row["rl_step"] for row in resumed["rows"]] == [1], name


FAILS_AT_THE_SECOND_CALL = """
from sophia.grpo.losses.clipped import Clipped

num_calls = 0

def policy(logps, old, batch):
    global num_calls
    num_calls += 1
    if num_calls > 1:
        raise LookupError("no such row")
    return Clipped()(logps, old, batch)
"""


@pytest.mark.parametrize("pieces", [1, 2])
@LIGHTNINGS_REMARKS
def test_what_is_half_updated_is_not_saved(pieces: int, tiny_folder: Path, tmp_path: Path) -> None:
    """Or a resumed run would take the first piece of the step twice."""
    source = tmp_path / "mine.py"
    source.write_text(FAILS_AT_THE_SECOND_CALL)
    checkpoints = CheckpointCallback(run_dir=tmp_path, every_n_steps=9, num_steps=2, keep_last=1)
    run = Run(
        tiny_folder, num_steps=2, callbacks=[checkpoints],
        loss=LossConfig(policy=OwnPolicyLoss(f"{source}:policy")),
        update=UpdateConfig(optimizer_steps_per_rollout=pieces),
    )  # fmt: skip
    half = pieces == 2
    said = r"LookupError.*was after 1 of the updates of" if half else r"LookupError.* line 10\)\.$"
    with pytest.raises(ValueError if half else RunStopped, match=said):
        run.fit()
    saved = [step for step, _ in list_checkpoints(tmp_path / "checkpoints")]
    assert saved == ([] if half else [1])


class LostCount(RuleTerm):
    """Scores, but cannot say how often."""

    weight = 1.0

    def values(self, group: GradedGroup) -> list[float]:
        return [float(len(set(c.token_ids))) for c in group.rollout.completions]

    def open_step(self, rl_step: int) -> TermStep:
        return self

    def submit(self, group: GradedGroup) -> Future[TermValues]:
        return RuleTerm.open_step(self, 0).submit(group)

    def metrics(self) -> Metrics:
        raise LookupError("no such count")


@LIGHTNINGS_REMARKS
def test_a_term_without_figures_stops_the_run_before_the_update(tiny_folder: Path) -> None:
    run = Run(tiny_folder, num_steps=1)
    run.composer.extra["lost"] = LostCount()
    with pytest.raises(RunStopped, match=r"failed when its metrics were asked for: LookupError"):
        run.fit()
    before = dict(load_model(tiny_folder).named_parameters())
    assert all(torch.equal(w, before[n]) for n, w in run.module.hf_model.named_parameters())


def test_processes_that_see_different_rows_do_not_begin(tiny_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.pt"
    finish(start_processes(2, out, folder=tiny_folder, fewer_on_second=True), timeout_s=120.0)
    first, second = stopped_messages(2, out)
    assert first == second
    assert first.startswith("the processes have [40, 39] training prompts, by rank; they must read")


@pytest.mark.parametrize("place", ["rollout", "push", "read-back"])
def test_one_engine_that_dies_stops_all_processes(
    place: str, larger_folder: Path, tmp_path: Path
) -> None:
    """In the middle of a push too: the others still gather weights, a bucket at a time."""
    out = tmp_path / "out.pt"
    case = {"folder": larger_folder, "run_dir": tmp_path, "num_steps": 3}
    finish(start_processes(2, out, **case, engine_dies_on_second=place), timeout_s=120.0)
    assert stopped_messages(2, out) == ["the engine of this process is dead"] * 2
    assert [step for step, _ in list_checkpoints(tmp_path / "checkpoints")] == [1]


class TellAfter(Callback):
    """Sends the signal at the end of a step."""

    def __init__(self, step: int) -> None:
        self._step = step

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if batch_idx + 1 == self._step:
            signal.raise_signal(signal.SIGTERM)


@pytest.mark.parametrize("step", [1, 2])
@LIGHTNINGS_REMARKS
def test_a_signal_is_heeded_in_the_last_step_too(
    step: int, tiny_folder: Path, tmp_path: Path
) -> None:
    checkpoints = CheckpointCallback(run_dir=tmp_path, every_n_steps=9, num_steps=2, keep_last=1)
    callbacks = [StopSignalCallback(run_dir=tmp_path), TellAfter(step), checkpoints]
    with pytest.raises(RunStopped, match="told to stop"):
        Run(tiny_folder, num_steps=2, callbacks=callbacks).fit()
    assert [found for found, _ in list_checkpoints(tmp_path / "checkpoints")] == [step]


@pytest.mark.parametrize("copies", [False, True], ids=["sharded", "ddp"])
@pytest.mark.parametrize("told", [0, 1])
def test_a_signal_to_one_process_stops_all(
    told: int, copies: bool, tiny_folder: Path, tmp_path: Path
) -> None:
    out, started = tmp_path / "out.pt", tmp_path / "started"
    processes = start_processes(
        2, out, folder=tiny_folder, run_dir=tmp_path, num_steps=10_000, copies=copies,
        started=started,
    )  # fmt: skip
    deadline = time.monotonic() + 100
    while not started.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    processes[told].send_signal(signal.SIGTERM)
    finish(processes, timeout_s=60.0)
    assert [m[:28] for m in stopped_messages(2, out)] == ["the run was told to stop (SI"] * 2
    ((steps, _),) = list_checkpoints(tmp_path / "checkpoints")
    assert steps >= 1
