"""Says when a run learns nothing, while it still can be helped."""

from __future__ import annotations

import logging
from collections import deque
from pathlib import Path
from typing import Any, cast

from lightning import Callback, LightningModule, Trainer

from sophia.measure.health import Limits, Row, banner, findings, shares
from sophia.protocols import Clock
from sophia.run.folder import RunFolder
from sophia.run.metrics_file import read_metrics
from sophia.step import StepBatch

log = logging.getLogger(__name__)

_OVER = 0.5  # of its limit: below that, a condition that comes back is said again


class HealthCallback(Callback):
    """Shows a banner in terminal and log when a condition begins to hold; the first process does.

    The page of the run and the end of the command say again what holds then
    (``sophia.report.health``).

    Args:
        run_dir: the folder of the run, whose metrics a resumed run goes on from.
        limits: when each condition holds.
    """

    def __init__(self, *, run_dir: Path, limits: Limits) -> None:
        self._metrics = RunFolder(path=Path(run_dir)).metrics
        self._limits = limits
        self._rows: deque[Row] = deque(maxlen=limits.most_steps)
        self._said: set[str] = set()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Know the latest steps of the run that is resumed."""
        done = cast("Clock", pl_module).rl_step
        for row in read_metrics(self._metrics, before=done):
            self._rows.append({name: float(value) for name, value in row.items()})

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: StepBatch,
        batch_idx: int,
    ) -> None:
        """Look at the step that has just been trained on, and those before it."""
        if not trainer.is_global_zero:
            return
        self._rows.append(batch.trained.row)
        rows = list(self._rows)
        limit_of = self._limits.by_name
        self._said -= {
            name
            for name, share in shares(rows, self._limits).items()
            if share < _OVER * limit_of[name].share
        }
        new = [one for one in findings(rows, self._limits) if one.name not in self._said]
        self._said |= {one.name for one in new}
        if new:
            log.warning("%s", banner(new))
