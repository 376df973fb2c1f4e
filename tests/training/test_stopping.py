"""When one process has to stop, all of them stop in that step, with a checkpoint to resume."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Any

import pytest
from lightning import Callback, LightningModule, Trainer

from sophia.callbacks.checkpoint import CheckpointCallback
from sophia.callbacks.stop_signal import StopSignalCallback
from sophia.failures import RunStopped
from sophia.run.checkpoint import list_checkpoints
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
