"""Where a run's metrics go: metrics.csv always, TensorBoard by default."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from lightning.fabric.loggers.logger import rank_zero_experiment
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.loggers.logger import Logger
from lightning.pytorch.utilities import rank_zero_only
from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.summary import hparams

from sophia.run.metrics_file import STEP, read_metrics
from sophia.types import ScoredGroup

Settings = Mapping[str, str | int | float | bool]


@runtime_checkable
class ResultLogger(Protocol):
    """A logger that can compare runs by their settings and final figures."""

    def log_results(self, settings: Settings, figures: Mapping[str, float]) -> None:
        """Take the settings and final figures of a run; called once, when the run is over."""


@runtime_checkable
class HistogramLogger(Protocol):
    """A logger that can show how values are distributed."""

    def log_histograms(self, values: Mapping[str, Sequence[float]], *, rl_step: int) -> None:
        """Take the values of an RL step by name; none of the sequences is empty."""


@runtime_checkable
class CompletionLogger(Protocol):
    """A logger that shows what was asked, answered and rewarded in a table of its own."""

    def log_completions(self, groups: Sequence[ScoredGroup], *, rl_step: int) -> None:
        """Take some groups of an RL step."""


@runtime_checkable
class LinkedLogger(Protocol):
    """A logger whose run has a page on the web."""

    @property
    def link(self) -> str | None:
        """The address of the run's page; None when nothing was sent."""


class TensorBoard(TensorBoardLogger):
    """Writes events to the run folder; a resumed run hides those after its checkpoint.

    TensorBoard calls a run by its folder's path below what it was pointed at, so events lie in the
    run's folder itself: below ``outputs`` it is ``quickstart/2026-01-31_12-00-00``.

    Args:
        run_dir: the folder of the run, where events are written.
        start_step: the RL step that this process starts at.
    """

    def __init__(self, *, run_dir: Path, start_step: int) -> None:
        super().__init__(
            save_dir=run_dir, name="", version="", default_hp_metric=False, purge_step=start_step
        )

    def save(self) -> None:
        """Write no ``hparams.yaml``: the settings stand in the run folder's ``config.yaml``."""

    @rank_zero_only
    def log_histograms(self, values: Mapping[str, Sequence[float]], *, rl_step: int) -> None:
        """Write a histogram for each name."""
        for name, of_name in values.items():
            self.experiment.add_histogram(name, np.asarray(of_name), global_step=rl_step)

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
