"""A trace of a few RL steps, for chrome://tracing or Perfetto."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import torch
from lightning import Callback, LightningModule, Trainer
from torch.profiler import ProfilerActivity, profile

from sophia.protocols import Clock
from sophia.run.folder import RunFolder


class ProfilerCallback(Callback):
    """Writes ``trace/rank_N_step_M.json`` in the run folder.

    Args:
        run_dir: the folder of the run.
        steps: the RL steps to record, counted from 0; the first ones hold warm-up.
    """

    def __init__(self, *, run_dir: Path, steps: tuple[int, ...] = (3,)) -> None:
        self._folder = RunFolder(path=Path(run_dir)).trace
        self._steps = frozenset(steps)
        self._profile: profile | None = None

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Start recording when it is this step's turn; listed first, it sees the rollout too."""
        if cast("Clock", pl_module).rl_step not in self._steps:
            return
        activities = [ProfilerActivity.CPU]
        if torch.cuda.is_available():
            activities.append(ProfilerActivity.CUDA)
        self._profile = profile(activities=activities, record_shapes=True)
        self._profile.start()

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Write the trace of the step, if it was recorded."""
        if self._profile is None:
            return
        self._profile.stop()
        self._folder.mkdir(parents=True, exist_ok=True)
        step = cast("Clock", pl_module).rl_step - 1
        file = self._folder / f"rank_{trainer.global_rank}_step_{step}.json"
        self._profile.export_chrome_trace(str(file))
        self._profile = None
