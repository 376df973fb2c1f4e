"""Where a run's metrics go: metrics.csv always, TensorBoard by default."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from lightning.fabric.loggers.logger import rank_zero_experiment
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.loggers.logger import Logger
from lightning.pytorch.utilities import rank_zero_only
from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.summary import hparams

from sophia.run.folder import RunFolder
from sophia.run.metrics_file import STEP, read_metrics

Settings = Mapping[str, str | int | float | bool]


@runtime_checkable
class ResultLogger(Protocol):
    """A logger that can compare runs by their settings and final figures."""

    def log_results(self, settings: Settings, figures: Mapping[str, float]) -> None:
        """Take the settings and final figures of a run; called once, when the run is over."""


class TensorBoard(TensorBoardLogger):
    """Writes events to the run folder; a resumed run hides those after its checkpoint.

    Args:
        run_dir: the folder of the run; events are written to its folder ``tensorboard``.
        start_step: the RL step that this process starts at.
    """

    def __init__(self, *, run_dir: Path, start_step: int) -> None:
        super().__init__(
            save_dir=run_dir,
            name=RunFolder(path=run_dir).tensorboard.name,
            version="",
            default_hp_metric=False,
            purge_step=start_step,
        )

    @rank_zero_only
    def log_results(self, settings: Settings, figures: Mapping[str, float]) -> None:
        """Write what the HPARAMS tab shows, with another writer: this one would purge again."""
        with SummaryWriter(self.log_dir, filename_suffix=".results") as writer:
            for summary in hparams(dict(settings), dict(figures)):  # type: ignore[no-untyped-call]
                writer._get_file_writer().add_summary(summary)
            for name, value in figures.items():
                writer.add_scalar(name, value)


class CSVMetrics(Logger):
    """Appends rows; a new column rewrites the file. No rows are kept in memory.

    A resumed run goes on in the same file: the first row it logs removes all rows from that step
    on, so a kill leaves neither duplicates nor half a row.

    Args:
        path: the CSV file; its first column is ``rl_step``.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = Path(path)
        self._columns: list[str] = []  # unknown until the first row is logged

    @property
    def name(self) -> str:
        """The name that Lightning calls this logger by."""
        return "csv"

    @property
    def version(self) -> str:
        """Always "": there is one file, without versions."""
        return ""

    @property
    @rank_zero_experiment
    def experiment(self) -> None:
        """Always None: there is nothing to hand out besides the file."""

    @rank_zero_only
    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing: the settings stand in the run folder's ``config.yaml``."""

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Write the row of an RL step; metrics that are new become columns."""
        assert step is not None, "rows are numbered by RL step"
        row = {STEP: str(step), **{name: repr(float(v)) for name, v in metrics.items()}}
        new = [name for name in row if name not in self._columns]
        if new:
            first = not self._columns
            rows = [*read_metrics(self._path, before=step if first else None), row]
            self._columns = list(dict.fromkeys(name for r in rows for name in r))
            self._rewrite(rows)
        else:
            with self._path.open("a", newline="") as file:
                csv.DictWriter(file, self._columns).writerow(row)

    def _rewrite(self, rows: list[dict[str, str]]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        partial = self._path.with_suffix(".partial")
        with partial.open("w", newline="") as file:
            writer = csv.DictWriter(file, self._columns)
            writer.writeheader()
            writer.writerows(rows)
        os.replace(partial, self._path)
