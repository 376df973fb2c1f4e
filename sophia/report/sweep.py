"""All runs of a sweep in one table: mean over seeds with an interval, grouped by what was swept."""

from __future__ import annotations

import csv
import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from rich.markup import escape
from rich.table import Table

from sophia.report.charts import Chart, line_chart
from sophia.report.page import write_page
from sophia.run.folder import RunFolder, SweepFolder
from sophia.run.metrics_file import read_metrics

REPLICATED = "seed"
"""The key whose values are repetitions of the same setting."""

_IGNORED = ("run_dir", "resume", "debug", "cache_dir")
_MEASURES = {
    "accuracy": "accuracy",
    "thinking": "thinking quality",
    "right_wrong_thinking": "right answer, wrong thinking",
}
_FEWEST_FOR_INTERVAL = 3
INTERVALS = (
    "± is a 95 % interval (Student's t); where it would say nothing (two runs, or wider than is"
    " possible), the two values, or the lowest and the highest, stand behind the mean"
)
"""What a reader of the table has to know of its cells."""
# Two-sided 95 % points of Student's t by degrees of freedom; beyond ten the normal's, nearly.
_T = (12.71, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepRun:
    """One finished run of a sweep.

    ``name`` is what the run's settings call it; ``overrides`` are the values set on its command
    line by key; ``figures`` are held-out figures after training, ``before`` is the accuracy before
    it; ``minutes`` is the wall time of it all.
    """

    folder: Path
    name: str
    overrides: Mapping[str, str]
    figures: Mapping[str, float | None]
    before: float | None
    minutes: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Mean:
    """The mean over runs of a figure, which is a share, and how far the runs are apart.

    ``runs`` are the values of the runs that have the figure, lowest first; ``value`` is None when
    none has it. ``half_width`` is that of the 95 % interval, or None where such an interval says
    nothing: for fewer than three runs, of which Student's t asks for more than their number tells,
    and where it would reach below 0 or above 1.
    """

    value: float | None
    half_width: float | None
    runs: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """Runs that differ in their seed alone, and the mean of each figure over them.

    ``values`` are the values of the swept keys that they share.
    """

    values: Mapping[str, str]
    runs: tuple[SweepRun, ...]
    means: Mapping[str, Mean]


def load_runs(folders: Sequence[Path]) -> list[SweepRun]:
    """The runs in those of the folders whose run has finished."""
    return [_load(folder) for folder in folders if RunFolder(path=folder).record.is_file()]


def _load(folder: Path) -> SweepRun:
    record: dict[str, Any] = json.loads(RunFolder(path=folder).record.read_text())
    pairs = (o.lstrip("+").partition("=") for o in record["overrides"])
    after = record["evaluation"]["after"]
    return SweepRun(
        folder=folder,
        name=RunFolder(path=folder).kind,
        overrides={key: value for key, _, value in pairs if key not in _IGNORED},
        figures={name: after.get(name, {}).get("value") for name in _MEASURES},
        before=record["accuracy_before"],
        minutes=record["wall_time_s"]["total"] / 60,
    )


def settings(runs: Sequence[SweepRun]) -> list[Setting]:
    """The runs grouped by the keys that differ between them but for the seed, best first."""
    keys = swept_keys(runs)
    groups: dict[tuple[str, ...], list[SweepRun]] = {}
    for run in runs:
        groups.setdefault(tuple(run.overrides.get(key, "") for key in keys), []).append(run)
    found = [
        Setting(
            values=dict(zip(keys, values, strict=True)),
            runs=tuple(members),
            means={name: mean_over([r.figures[name] for r in members]) for name in _MEASURES},
        )
        for values, members in groups.items()
    ]
    return sorted(found, key=lambda s: -(s.means["accuracy"].value or 0.0))


def measures_of(runs: Sequence[SweepRun]) -> dict[str, str]:
    """The labels of the measures that any run has: without a judge none about thinking."""
    return {
        n: label for n, label in _MEASURES.items() if any(r.figures[n] is not None for r in runs)
    }


def sweep_title(runs: Sequence[SweepRun]) -> str:
    """``Sweep of quickstart: annealing, reward.trust``: what was run, and what was swept."""
    names = ", ".join(dict.fromkeys(run.name for run in runs)) or "no finished run"
    keys = ", ".join(swept_keys(runs)) or REPLICATED
    return f"Sweep of {names}: {keys}"


def swept_keys(runs: Sequence[SweepRun]) -> list[str]:
    """The keys that have more than one value among the runs, the seed left out."""
    keys = dict.fromkeys(key for run in runs for key in run.overrides)
    varied = [k for k in keys if len({run.overrides.get(k) for run in runs}) > 1]
    return [key for key in varied if key != REPLICATED]


def mean_over(values: Sequence[float | None]) -> Mean:
    """The mean of the values that are known, with their Student-t interval where it says much."""
    known = tuple(sorted(value for value in values if value is not None))
    if not known:
        return Mean(value=None, half_width=None)
    return Mean(value=fmean(known), half_width=_half_width(known), runs=known)


def _half_width(known: Sequence[float]) -> float | None:
    if len(known) < _FEWEST_FOR_INTERVAL:
        return None
    freedom = len(known) - 1
    factor = _T[freedom - 1] if freedom <= len(_T) else 1.96
    half = factor * stdev(known) / math.sqrt(len(known))
    return half if half <= fmean(known) <= 1 - half else None


def sweep_table(found: Sequence[Setting], *, title: str) -> Table:
    """A table with a row per setting, figures in percent as ``INTERVALS`` says."""
    table = Table(title=title, title_justify="left", caption=INTERVALS, caption_justify="left")
    measures = measures_of([run for setting in found for run in setting.runs])
    for key in found[0].values:
        table.add_column(key)
    table.add_column("runs", justify="right")
    for label in measures.values():
        table.add_column(f"{label}, %", justify="right")
    for setting in found:
        means = [_cell(setting.means[name]) for name in measures]
        values = map(escape, setting.values.values())
        table.add_row(*values, str(len(setting.runs)), *means)
    return table


def _cell(mean: Mean) -> str:
    if mean.value is None:
        return "–"
    text = f"{100 * mean.value:.1f}"
    if mean.half_width is not None:
        return f"{text} ± {100 * mean.half_width:.1f}"
    if len(mean.runs) < 2:
        return text
    between = ", " if len(mean.runs) == 2 else " to "
    return f"{text} ({100 * mean.runs[0]:.1f}{between}{100 * mean.runs[-1]:.1f})"


def write_sweep(folder: Path, runs: Sequence[SweepRun], *, failed: Sequence[Path]) -> None:
    """Write ``sweep.csv`` (a row per run) and ``sweep.html`` (settings, curves, runs).

    Args:
        folder: the folder of the sweep, where both are written.
        runs: the finished runs.
        failed: folders of the runs that did not finish, which the page names.
    """
    found = settings(runs)
    places = SweepFolder(path=folder)
    _write_csv(places.table, runs)
    write_page(
        places.page,
        "sweep.html",
        title=sweep_title(runs),
        intervals=INTERVALS,
        settings=found,
        measures=measures_of(runs),
        keys=list(found[0].values) if found else [],
        cell=_cell,
        charts=_charts(found),
        runs=runs,
        failed=failed,
        relative=lambda path: os.path.relpath(path, folder),
    )


def _write_csv(path: Path, runs: Sequence[SweepRun]) -> None:
    keys = list(dict.fromkeys(key for run in runs for key in run.overrides))
    measures = measures_of(runs)
    partial = path.with_suffix(".partial")
    with partial.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["folder", *keys, "accuracy_before", *measures, "minutes"])
        for run in runs:
            values = [run.overrides.get(key, "") for key in keys]
            figures = [run.figures[name] for name in measures]
            minutes = f"{run.minutes:.2f}"
            writer.writerow([run.folder.name, *values, run.before, *figures, minutes])
    os.replace(partial, path)


def _charts(found: Sequence[Setting]) -> list[Chart]:
    """Curves of each setting's mean over its runs, at the steps that all of them have."""
    wanted = {"Accuracy of samples": "accuracy", "Thinking reward": "thinking/mean", "KL": "kl"}
    charts = []
    for title, name in wanted.items():
        series = {_label(setting): _mean_curve(setting, name) for setting in found}
        charts.append(line_chart(title, series, note="mean over runs"))
    return [chart for chart in charts if chart is not None]


def _label(setting: Setting) -> str:
    return ", ".join(f"{k}={v}" for k, v in setting.values.items()) or "all runs"


def _mean_curve(setting: Setting, name: str) -> list[tuple[float, float]]:
    curves = [
        {int(row["rl_step"]): float(row[name]) for row in rows if name in row}
        for rows in (read_metrics(RunFolder(path=run.folder).metrics) for run in setting.runs)
    ]
    shared = sorted(set.intersection(*(set(curve) for curve in curves))) if curves else []
    return [(float(step), fmean(curve[step] for curve in curves)) for step in shared]
