"""Says where a run is, and after too long a silence where every thread of it stands."""

from __future__ import annotations

import faulthandler
import os
import time
from pathlib import Path
from typing import Any, cast

from lightning import Callback, LightningModule, Trainer

from sophia.protocols import Clock
from sophia.run.folder import RunFolder


class HeartbeatCallback(Callback):
    """Keeps one file per process up to date in the run's ``heartbeat`` folder.

    ``rank_N.txt`` holds the RL step, the phase and the time. When a phase takes longer than
    ``stall_s``, the stacks of all threads go to ``rank_N.stacks.txt``, and again every ``stall_s``:
    the process that waits in another place than the rest is the one that holds them up.

    Args:
        run_dir: the folder of the run.
        stall_s: seconds of silence after which stacks are written; longer than any healthy phase.
    """

    def __init__(self, *, run_dir: Path, stall_s: float) -> None:
        if stall_s <= 0:
            raise ValueError(f"stall_s is {stall_s}; it must be above 0 seconds.")
        self._folder = RunFolder(path=Path(run_dir)).heartbeat
        self._stall_s = stall_s
        self._stacks: Any = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Open the file for stacks now, which a stuck process could not any more."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._stacks = self._path(trainer, ".stacks").open("a")

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Note that the rollout begins."""
        self._beat(trainer, pl_module, "rollout")

    def on_before_backward(self, trainer: Trainer, pl_module: LightningModule, loss: Any) -> None:
        """Note that a micro-batch of the update goes backward."""
        self._beat(trainer, pl_module, "update")

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Note that the step is done."""
        self._beat(trainer, pl_module, "between steps")

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop watching: no phase is expected any more."""
        self._stop()

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        """Stop watching: no phase is expected any more."""
        self._stop()

    def _beat(self, trainer: Trainer, pl_module: LightningModule, phase: str) -> None:
        faulthandler.dump_traceback_later(self._stall_s, repeat=True, file=self._stacks)
        step = cast("Clock", pl_module).rl_step
        partial = self._path(trainer, ".partial")
        partial.write_text(f"rl_step {step}, {phase}, {time.strftime('%Y-%m-%d %H:%M:%S')}\n")
        os.replace(partial, self._path(trainer, ""))

    def _stop(self) -> None:
        faulthandler.cancel_dump_traceback_later()
        if self._stacks is not None:
            self._stacks.close()
            self._stacks = None

    def _path(self, trainer: Trainer, suffix: str) -> Path:
        return self._folder / f"rank_{trainer.global_rank}{suffix}.txt"
