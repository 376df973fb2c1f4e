"""Refreshes the run's page while it runs; the command line writes it once more at the end."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol, cast

from lightning import Callback, LightningModule, Trainer

from sophia.report.run import write_run_report


class _Clock(Protocol):
    rl_step: int


class ReportCallback(Callback):
    """``report.html`` every so many RL steps, by the first process.

    Args:
        run_dir: of the run.
        title: of the page.
        every_n_steps: RL steps between two refreshes.
    """

    def __init__(self, *, run_dir: Path, title: str, every_n_steps: int) -> None:
        if every_n_steps < 1:
            raise ValueError(f"every_n_steps is {every_n_steps}; it must be at least 1.")
        self._run_dir = Path(run_dir)
        self._title = title
        self._every_n_steps = every_n_steps

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Refresh when its turn has come."""
        done = cast("_Clock", pl_module).rl_step
        if trainer.is_global_zero and done % self._every_n_steps == 0:
            write_run_report(self._run_dir, title=self._title)
