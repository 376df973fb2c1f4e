"""When one process has to stop, all of them stop in that step, with a checkpoint to resume."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Any

import pytest

from sophia.checkpoint import list_checkpoints
from tests.processes import finish, sharded_run, start_processes, stopped_messages

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
