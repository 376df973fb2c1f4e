"""Refreshes the run's page while it runs; the command line writes it once more at the end."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from lightning import Callback, LightningModule, Trainer

from sophia.callbacks.every import Every
from sophia.failures import RunStopped
from sophia.protocols import Clock
from sophia.report.run import write_run_report


class ReportCallback(Callback):
    """Writes ``report.html`` every so many RL steps and when the run stops; the first process does.

    Args:
        run_dir: the folder of the run, which the page is about and is written to.
        title: the title of the page; None: the run's name.
        every_n_steps: RL steps between two refreshes.
    """

    def __init__(self, *, run_dir: Path, title: str | None, every_n_steps: int) -> None:
        self._run_dir = Path(run_dir)
        self._title = title
        self._every = Every(n_steps=every_n_steps)

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Write the page when it is this step's turn."""
        done = cast("Clock", pl_module).rl_step
        if trainer.is_global_zero and self._every.due(done):
            write_run_report(self._run_dir, title=self._title)

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        """Write the page of a run that stops: it says how far it came, and what was wrong."""
        if trainer.is_global_zero and isinstance(exception, RunStopped):
            write_run_report(self._run_dir, title=self._title)
