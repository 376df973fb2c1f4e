"""The figures of an evaluation, and of two side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rich.box import SIMPLE_HEAD
from rich.table import Table

from sophia.evaluation.bootstrap import Estimate, UnitBootstrap
from sophia.evaluation.records import SOUND_THINKING, EvalRecord
from sophia.evaluation.samples import sample_figures
from sophia.rewards.trust import is_correct

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """The mean of ``value`` over those records for which ``among`` is true."""

    label: str
    value: Callable[[EvalRecord], float]
    among: Callable[[EvalRecord], bool]


def _right(record: EvalRecord) -> bool:
    return record.outcome is not None and is_correct(record.outcome)


FIGURES: dict[str, Figure] = {
    "accuracy": Figure(
        label="accuracy",
        value=lambda r: float(_right(r)),
        among=lambda r: r.outcome is not None,
    ),
    "thinking": Figure(
        label="thinking quality",
        value=lambda r: r.thinking or 0.0,
        among=lambda r: r.thinking is not None,
    ),
    "right_wrong_thinking": Figure(
        label="right, wrong thinking",
        value=lambda r: float((r.thinking or 0.0) < SOUND_THINKING),
        among=lambda r: _right(r) and r.thinking is not None,
    ),
    "format": Figure(
        label="well-formed", value=lambda r: float(r.well_formed), among=lambda r: True
    ),
}


def summarise(records: Sequence[EvalRecord]) -> dict[str, Estimate]:
    """Every figure with its interval; accuracy also by problem type (``accuracy/<type>``).

    With several answers per prompt the figures are means over all of them, and ``pass@k`` and
    ``maj@n`` are added.
    """
    bootstrap = UnitBootstrap([r.units for r in records])
    estimates = {
        name: bootstrap.mean(*_columns(figure, records)) for name, figure in FIGURES.items()
    }
    for kind in sorted({r.problem_type for r in records}):
        values, among = _columns(FIGURES["accuracy"], records)
        of_kind = np.array([float(r.problem_type == kind) for r in records])
        estimates[f"accuracy/{kind}"] = bootstrap.mean(values, among * of_kind)
    return estimates | sample_figures(records)


def point_figures(records: Sequence[EvalRecord]) -> dict[str, float]:
    """The figures of ``summarise`` without intervals, which take long to compute.

    Without ``pass@k`` and ``maj@n`` too. A figure over no record is NaN.
    """
    figures = {name: _mean(*_columns(figure, records)) for name, figure in FIGURES.items()}
    values, among = _columns(FIGURES["accuracy"], records)
    for kind in sorted({r.problem_type for r in records}):
        of_kind = np.array([float(r.problem_type == kind) for r in records])
        figures[f"accuracy/{kind}"] = _mean(values, among * of_kind)
    return figures


def differences(before: Sequence[EvalRecord], after: Sequence[EvalRecord]) -> dict[str, Estimate]:
    """The change of every figure from ``before`` to ``after``, with intervals paired by record.

    Both hold the same prompts and samples in the same order.
    """
    assert [(r.uid, r.sample) for r in before] == [(r.uid, r.sample) for r in after], (
        "the records are not of one set"
    )
    bootstrap = UnitBootstrap([r.units for r in before])
    result = {}
    for name, figure in FIGURES.items():
        first, second = _columns(figure, before), _columns(figure, after)
        result[name] = bootstrap.difference(first[0], second[0], (first[1], second[1]))
    return result


def figure_label(name: str) -> str:
    """What a table calls a key of ``summarise``; problem types are indented."""
    if name in FIGURES:
        return FIGURES[name].label
    kind = name.partition("/")[2]
    return f"  {kind}" if kind else name


def comparison_table(
    before: Sequence[EvalRecord], after: Sequence[EvalRecord], *, title: str
) -> Table:
    """A table of every figure before, after and its change, in percent with 95 % intervals."""
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("held-out, greedy, %", no_wrap=True)
    for column in ("before", "after", "change"):
        table.add_column(column, justify="right", no_wrap=True)
    first, second = summarise(before), summarise(after)
    change = differences(before, after)
    for name in first:
        label = figure_label(name)
        cells = [_percent(first[name]), _percent(second[name])]
        table.add_row(label, *cells, _percent(change[name], sign=True) if name in change else "")
    return table


def summary_table(columns: Mapping[str, Sequence[EvalRecord]], *, title: str) -> Table:
    """A table with one column per evaluated policy, in percent with 95 % intervals.

    ``columns`` holds the records of each policy by its name; for two policies there is a column
    with the paired change.
    """
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("held-out, %", no_wrap=True)
    summaries = [summarise(records) for records in columns.values()]
    for name in columns:
        table.add_column(name, justify="right", overflow="fold")
    change = {}
    if len(columns) == 2:
        table.add_column("change", justify="right")
        change = differences(*columns.values())
    for name in summaries[0]:
        cells = [_percent(s[name]) for s in summaries]
        extra = [_percent(change[name], sign=True) if name in change else ""] if change else []
        table.add_row(figure_label(name), *cells, *extra)
    return table


def _columns(figure: Figure, records: Sequence[EvalRecord]) -> tuple[Array, Array]:
    values = np.array([figure.value(r) for r in records])
    return values, np.array([float(figure.among(r)) for r in records])


def _mean(values: Array, among: Array) -> float:
    return float((values * among).sum() / among.sum()) if among.sum() else float("nan")


def _percent(estimate: Estimate, *, sign: bool = False) -> str:
    if np.isnan(estimate.value):
        return "–"
    spec = "+" if sign else ""
    low, high = 100 * estimate.low, 100 * estimate.high
    return f"{100 * estimate.value:{spec}.1f} [{low:{spec}.0f}, {high:{spec}.0f}]"
