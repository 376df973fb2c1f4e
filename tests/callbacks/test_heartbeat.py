"""A run that hangs says where."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from lightning import Callback, LightningModule, Trainer

from sophia.callbacks.heartbeat import HeartbeatCallback
from sophia.callbacks.profiler import ProfilerCallback
from tests.short_run import Run

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*does not have many workers",
    "ignore:.*module\\(s\\) in eval mode",
    "ignore:.*treespec, LeafSpec",
    "ignore:.*Profiler clears events",
)


class _Stuck(Callback):
    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        self._wait_for_a_peer_that_never_comes()

    def _wait_for_a_peer_that_never_comes(self) -> None:
        time.sleep(0.6)


def test_stacks_of_a_stall_and_the_last_step(tiny_folder: Path, tmp_path: Path) -> None:
    heartbeat = HeartbeatCallback(run_dir=tmp_path, stall_s=0.4)
    Run(tiny_folder, num_steps=1, callbacks=[_Stuck(), heartbeat]).fit()
    stacks = (tmp_path / "heartbeat" / "rank_0.stacks.txt").read_text()
    assert "_wait_for_a_peer_that_never_comes" in stacks
    assert "rl_step 1, between steps" in (tmp_path / "heartbeat" / "rank_0.txt").read_text()


def test_a_healthy_run_leaves_no_stacks(tiny_folder: Path, tmp_path: Path) -> None:
    Run(
        tiny_folder, num_steps=1, callbacks=[HeartbeatCallback(run_dir=tmp_path, stall_s=60.0)]
    ).fit()
    assert (tmp_path / "heartbeat" / "rank_0.stacks.txt").read_text() == ""


def test_a_trace_of_the_steps_asked_for(tiny_folder: Path, tmp_path: Path) -> None:
    Run(tiny_folder, num_steps=2, callbacks=[ProfilerCallback(run_dir=tmp_path, steps=(1,))]).fit()
    assert [f.name for f in (tmp_path / "trace").iterdir()] == ["rank_0_step_1.json"]
