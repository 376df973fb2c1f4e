"""The figures of an evaluation, and of two side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rich.box import SIMPLE_HEAD
from rich.table import Table

from sophia.evaluation.bootstrap import Estimate, UnitBootstrap
from sophia.evaluation.records import SOUND_THINKING, EvalRecord, is_judged
from sophia.evaluation.samples import sample_figures

Array = NDArray[np.float64]
CHANGE = "change"
"""The heading of the column with the paired change of two policies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """The mean of ``value`` over those records for which ``among`` is true.

    One that is ``about_thinking`` does not exist where nobody scores the thinking, and one that is
    of the ``lenient`` reading only where answers were read so.
    """

    label: str
    value: Callable[[EvalRecord], float]
    among: Callable[[EvalRecord], bool]
    about_thinking: bool = False
    lenient: bool = False


FIGURES: dict[str, Figure] = {
    "accuracy": Figure(
        label="accuracy",
        value=lambda r: float(r.is_right),
        among=lambda r: r.outcome is not None,
    ),
    "accuracy_lenient": Figure(
        label="accuracy (lenient reading)",
        value=lambda r: float(r.is_right_leniently),
        among=lambda r: r.lenient_outcome is not None,
        lenient=True,
    ),
    "thinking": Figure(
        label="thinking quality",
        value=lambda r: r.thinking or 0.0,
        among=lambda r: r.thinking is not None,
        about_thinking=True,
    ),
    "right_wrong_thinking": Figure(
        label="right, wrong thinking",
        value=lambda r: float((r.thinking or 0.0) < SOUND_THINKING),
        among=lambda r: r.is_right and r.thinking is not None,
        about_thinking=True,
    ),
    "format": Figure(
        label="well-formed", value=lambda r: float(r.well_formed), among=lambda r: True
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureRow:
    """A line of a table of figures.

    Each cell is a figure with its interval, or None where there is nothing to say.
    """

    label: str
    cells: tuple[Estimate | None, ...]


def summarise(records: Sequence[EvalRecord]) -> dict[str, Estimate]:
    """Every figure with its interval; below accuracy also that of each type (``accuracy/<type>``).

    Figures about thinking are absent when no record's thinking was scored, that of the lenient
    reading when no answer was read so. With several answers
    per prompt the figures are means over all of them, and ``pass@k`` and ``maj@n`` are added.
    """
    bootstrap = UnitBootstrap([r.units for r in records])
    columns = _columns(records)
    return {n: bootstrap.mean(*column) for n, column in columns.items()} | sample_figures(records)


def point_figures(records: Sequence[EvalRecord]) -> dict[str, float]:
    """The figures of ``summarise`` without intervals, which take long to compute.

    Without ``pass@k`` and ``maj@n`` too. A figure over no record is NaN.
    """
    return {name: _mean(*column) for name, column in _columns(records).items()}


def differences(before: Sequence[EvalRecord], after: Sequence[EvalRecord]) -> dict[str, Estimate]:
    """The change of every figure from ``before`` to ``after``, with intervals paired by record.

    Both hold the same prompts and samples in the same order. A figure that one of them does not
    have, because nobody scored its thinking, has no change.
    """
    assert [(r.uid, r.sample) for r in before] == [(r.uid, r.sample) for r in after], (
        "the records are not of one set"
    )
    bootstrap = UnitBootstrap([r.units for r in before])
    first, second = _columns(before), _columns(after)
    pairs = {name: (first[name], second[name]) for name in first if name in second}
    return {
        name: bootstrap.difference(old[0], new[0], (old[1], new[1]))
        for name, (old, new) in pairs.items()
    }


def figure_label(name: str) -> str:
    """What a table calls a key of ``summarise``; problem types are indented."""
    if name in FIGURES:
        return FIGURES[name].label
    kind = name.partition("/")[2]
    return f"  {kind}" if kind else name


def figure_rows(columns: Mapping[str, Sequence[EvalRecord]]) -> list[FigureRow]:
    """A row per figure with a cell per policy, and one for the paired change of two policies.

    ``columns`` holds the records of each policy by its name.
    """
    found = [summarise(records) for records in columns.values()]
    if len(found) == 2:
        found.append(differences(*columns.values()))
    by_length = sorted(found, key=len, reverse=True)  # a policy may lack those about thinking
    names = dict.fromkeys(name for figures in by_length for name in figures)
    return [
        FigureRow(label=figure_label(name), cells=tuple(_known(f.get(name)) for f in found))
        for name in names
    ]


def comparison_table(
    before: Sequence[EvalRecord], after: Sequence[EvalRecord], *, title: str
) -> Table:
    """A table of every figure before, after and its change, in percent with 95 % intervals."""
    columns = {"before": before, "after": after}
    return summary_table(columns, title=title, what="held-out, greedy, %")


def summary_table(
    columns: Mapping[str, Sequence[EvalRecord]], *, title: str, what: str = "held-out, %"
) -> Table:
    """A table with one column per evaluated policy, in percent with 95 % intervals.

    ``columns`` holds the records of each policy by its name; for two policies there is a column
    with the paired change. ``what`` stands above the names of the figures.
    """
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column(what, no_wrap=True)
    headings = headings_of(columns)
    for heading in headings:
        table.add_column(heading, justify="right", overflow="fold")
    for row in figure_rows(columns):
        pairs = zip(headings, row.cells, strict=True)
        table.add_row(row.label, *(_percent(cell, sign=h == CHANGE) for h, cell in pairs))
    return table


def headings_of(columns: Mapping[str, Sequence[EvalRecord]]) -> list[str]:
    """What stands above the cells of a ``FigureRow``."""
    return [*columns, *([CHANGE] if len(columns) == 2 else [])]


def _columns(records: Sequence[EvalRecord]) -> dict[str, tuple[Array, Array]]:
    """Of every figure that these records have, (I,) values and (I,) which of them count.

    In the order in which figures are shown: accuracy by problem type stands below accuracy.
    """
    columns = {}
    judged = is_judged(records)
    read_leniently = any(r.lenient_outcome is not None for r in records)
    for name, figure in FIGURES.items():
        if (figure.about_thinking and not judged) or (figure.lenient and not read_leniently):
            continue
        values = np.array([figure.value(r) for r in records])
        among = np.array([float(figure.among(r)) for r in records])
        columns[name] = values, among
        if name == "accuracy":
            for kind in sorted({r.problem_type for r in records}):
                of_kind = np.array([float(r.problem_type == kind) for r in records])
                columns[f"{name}/{kind}"] = values, among * of_kind
    return columns


def _mean(values: Array, among: Array) -> float:
    return float((values * among).sum() / among.sum()) if among.sum() else float("nan")


def _known(estimate: Estimate | None) -> Estimate | None:
    return None if estimate is None or np.isnan(estimate.value) else estimate


def _percent(estimate: Estimate | None, *, sign: bool) -> str:
    if estimate is None:
        return "" if sign else "–"
    spec = "+" if sign else ""
    low, high = 100 * estimate.low, 100 * estimate.high
    return f"{100 * estimate.value:{spec}.1f} [{low:{spec}.0f}, {high:{spec}.0f}]"
