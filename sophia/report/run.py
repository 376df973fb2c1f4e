"""What a run's folder says, as plain values for its page; also of a run that still goes on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from sophia.evaluation.compare import figure_rows, headings_of
from sophia.evaluation.records import EvalRecord, load_records
from sophia.report.charts import Chart, line_chart, share_chart
from sophia.report.example import find_example
from sophia.report.gallery import cards, load_images
from sophia.report.health import run_findings
from sophia.report.page import write_page
from sophia.run.folder import RunFolder
from sophia.run.metrics_file import read_metrics
from sophia.run.pictures import data_uri

MetricRows = Sequence[Mapping[str, str]]

_CHARTS: tuple[tuple[str, str, Mapping[str, str]], ...] = (
    ("Reward", "total and its parts, mean of the step", {"reward": "reward"}),
    ("Accuracy", "samples of the step; validation is greedy", {"accuracy": "samples"}),
    (
        "Thinking reward",
        "the judge's scores of right and of wrong answers",
        {"thinking/correct_mean": "right answers", "thinking/wrong_mean": "wrong answers"},
    ),
    (
        "Trust and annealing",
        "gamma, and the thinking weight by schedule",
        {"trust/gamma": "gamma", "thinking/weight": "weight"},
    ),
    ("KL to the reference", "", {"kl": "kl"}),
    ("Entropy", "per token, nats", {"entropy": "entropy"}),
    (
        "Clipped tokens",
        "share of tokens whose ratio was clipped",
        {"clip_ratio/low_mean": "low", "clip_ratio/high_mean": "high"},
    ),
    (
        "Completion length",
        "tokens",
        {"completions/mean_length": "mean", "completions/max_length": "longest"},
    ),
    ("Cut by the length limit", "share of completions", {"completions/clipped_ratio": "cut"}),
    ("Gradient norm", "before clipping", {"grad_norm": "norm"}),
)
_MIX = {
    "group/all_correct": "all right",
    "group/mixed": "mixed",
    "group/all_wrong": "all wrong",
}


def write_run_report(run_dir: Path, *, title: str | None = None) -> Path:
    """Write the report page of a run, finished or not, and return its path.

    Args:
        run_dir: the folder of the run, where the page is written.
        title: stands at the top of the page and in the browser's tab; None: the run's name.

    Raises:
        ValueError: the folder holds no run.
    """
    folder = RunFolder(path=Path(run_dir))
    if not folder.config.is_file():
        raise ValueError(
            f"run_dir={run_dir} holds no run (no {folder.config.name}); give the folder of one, as"
            " train.py prints it."
        )
    rows = read_metrics(folder.metrics)
    validation = read_metrics(folder.validation)
    columns = _evaluations(folder)
    write_page(
        folder.report,
        "run.html",
        title=title or folder.name,
        finished=folder.record.is_file(),
        record=_record(folder),
        num_rows=len(rows),
        health=run_findings(folder),
        figures=figure_rows(columns),
        headings=headings_of(columns),
        when=list(columns),
        charts=_charts(rows, validation),
        phases=_phases(rows),
        timeline=_timeline(folder.timeline),
        cards=cards(columns, load_images(folder.gallery)),
        example=find_example(folder.rollouts),
        config=folder.config.read_text(),
    )
    return folder.report


def _record(folder: RunFolder) -> dict[str, Any]:
    if not folder.record.is_file():
        return {}
    record: dict[str, Any] = json.loads(folder.record.read_text())
    return record


def _timeline(path: Path) -> str | None:
    return data_uri(path.read_bytes()) if path.is_file() else None


def _evaluations(folder: RunFolder) -> dict[str, list[EvalRecord]]:
    files = {"before": folder.evaluation("before"), "after": folder.evaluation("after")}
    return {when: load_records(file) for when, file in files.items() if file.is_file()}


def _charts(rows: MetricRows, validation: MetricRows) -> list[Chart]:
    charts = [
        line_chart(title, _series(title, names, rows, validation), note=note)
        for title, note, names in _CHARTS
    ]
    mix = {label: _points(rows, name) for name, label in _MIX.items()}
    note = "shares of groups; only mixed ones teach the outcome"
    charts.insert(2, share_chart("Group mix", mix, colors=(0, 1, 4), note=note))
    charts.insert(2, _by_type(validation))
    timings = {name.removeprefix("timing_s/"): _points(rows, name) for name in _timed(rows)}
    charts.append(line_chart("Time per step", timings, note="seconds"))
    return [chart for chart in charts if chart is not None]


def _series(
    title: str, names: Mapping[str, str], rows: MetricRows, validation: MetricRows
) -> dict[str, list[tuple[float, float]]]:
    series = {label: _points(rows, name) for name, label in names.items()}
    if title == "Reward":
        parts = [n for n in _names(rows) if n.startswith("rewards/") and n.endswith("/mean")]
        series |= {name.split("/")[1]: _points(rows, name) for name in parts}
    if title == "Accuracy":
        series["validation"] = _points(validation, "accuracy")
    return series


def _by_type(validation: MetricRows) -> Chart | None:
    """Accuracy of each problem type; None with one type, which the chart before shows."""
    names = [name for name in _names(validation) if name.startswith("accuracy/")]
    series = {name.partition("/")[2]: _points(validation, name) for name in sorted(names)}
    note = "validation, greedy"
    return line_chart("Accuracy by problem type", series, note=note) if len(names) > 1 else None


def _names(rows: MetricRows) -> list[str]:
    """The columns that any row has: a step may be without one, such as when no judge answered."""
    return list(dict.fromkeys(name for row in rows for name in row))


def _points(rows: MetricRows, name: str) -> list[tuple[float, float]]:
    return [(float(row["rl_step"]), float(row[name])) for row in rows if name in row]


def _timed(rows: MetricRows) -> list[str]:
    return [name for name in _names(rows) if name.startswith("timing_s/")]


def _phases(rows: MetricRows) -> list[tuple[str, float, float]]:
    """The phases of a step as (name, mean seconds, share of the step), longest first."""
    means = {
        n.removeprefix("timing_s/"): fmean(y for _, y in _points(rows, n)) for n in _timed(rows)
    }
    total = sum(means.values()) or 1.0
    return sorted(((n, s, s / total) for n, s in means.items()), key=lambda item: -item[1])
