"""Our numbers beside the published ones, as a table for a terminal and for Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from sophia.benchmarks.benchmark import OVERALL
from sophia.benchmarks.results import Result
from sophia.evaluation.bootstrap import Estimate

_NOTHING = "–"
_WIDEST = 1000  # characters


def overview(results: Sequence[Result]) -> Table:
    """A row per benchmark: every policy, without images where that was asked, published numbers."""
    labels = [column.label for column in results[0].columns]
    blind = any(column.blind is not None for result in results for column in result.columns)
    references = list(dict.fromkeys(own for result in results for own in result.references))
    table = _table("benchmark, points")
    for label in labels:
        table.add_column(label, justify="right")
        if blind:
            table.add_column("blind", justify="right")
    if len(labels) == 2:
        table.add_column("change", justify="right")
    for reference in references:
        table.add_column(reference, justify="right", style="dim")
    for result in results:
        cells = []
        for column in result.columns:
            cells.append(interval(column.figures.get(OVERALL)))
            if blind:
                cells.append(point(column.blind_figures.get(OVERALL)))
        if len(labels) == 2:
            cells.append(interval(result.change.get(OVERALL), sign=True))
        published = (result.published(OVERALL, reference) for reference in references)
        cells += [_NOTHING if number is None else f"{number:.1f}" for number in published]
        table.add_row(result.title, *cells)
    return table


def behind(results: Sequence[Result]) -> Table:
    """A row per benchmark and policy: what stands behind its number."""
    table = _table("behind it")
    several = len(results[0].columns) > 1
    for heading in ("n", "unparsed", "unasked", "judged", "no verdict", "s", "file"):
        table.add_column(heading, justify="right")
    for result in results:
        for column in result.columns:
            own = column.counts
            name = f"{result.title}, {column.label}" if several else result.title
            numbers = (own.answers, own.unparsed, own.failed, own.asked, own.unanswered)
            seconds = f"{column.seconds:.0f}"
            table.add_row(name, *map(str, numbers), seconds, result.origin)
    return table


def details(result: Result) -> Table:
    """All figures of one benchmark, with the published number where there is one."""
    table = _table(f"{result.title}, points")
    for column in result.columns:
        table.add_column(column.label, justify="right")
        if column.blind is not None:
            table.add_column("blind", justify="right")
            table.add_column("by the image", justify="right")
    for reference in result.references:
        table.add_column(reference, justify="right", style="dim")
    for name in result.names:
        cells = []
        for column in result.columns:
            cells.append(interval(column.figures.get(name)))
            if column.blind is not None:
                cells.append(point(column.blind_figures.get(name)))
                cells.append(interval(column.by_image.get(name), sign=True))
        published = (result.published(name, reference) for reference in result.references)
        cells += [_NOTHING if number is None else f"{number:.1f}" for number in published]
        table.add_row(name, *cells)
    return table


def print_whole(table: Table) -> None:
    """Print a table as wide as it is: where a terminal is narrower, that breaks its lines."""
    console = Console()
    wide = console.options.update_width(_WIDEST)
    console.width = max(console.width, Measurement.get(console, wide, table).maximum)
    console.print(table)


def interval(estimate: Estimate | None, *, sign: bool = False) -> str:
    """A number with its bounds, as in ``66.7 [64, 69]``."""
    if estimate is None:
        return _NOTHING
    spec = "+" if sign else ""
    bounds = f"[{estimate.low:{spec}.0f}, {estimate.high:{spec}.0f}]"
    return f"{estimate.value:{spec}.1f} {bounds}"


def point(estimate: Estimate | None) -> str:
    """A number alone."""
    return _NOTHING if estimate is None else f"{estimate.value:.1f}"


def _table(what: str) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column(what, no_wrap=True)
    return table
