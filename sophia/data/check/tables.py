"""The data report as tables for a terminal."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from sophia.data.check.report import DataReport

_SHOWN = 10
_QUANTILES = (0.0, 0.5, 0.9, 0.99, 1.0)


def tables(report: DataReport) -> RenderableType:
    """All tables of the report, one after the other, those with nothing to say left out."""
    return Group(*_all_tables(report))


def _all_tables(report: DataReport) -> Iterable[Table]:
    yield _summary(report)
    yield _counts(report)
    if report.num_usable:
        yield _lengths(report)
        yield _longest(report)
    if report.num_refused:
        yield _refused_by_column(report)
        yield _refused(report)
    if report.duplicates or report.overlap:
        yield _twins(report)


def _summary(report: DataReport) -> Table:
    table = Table(title="Rows", show_header=False)
    lines = {
        "read": report.num_rows,
        "usable": report.num_usable,
        "refused": report.num_refused,
        f"over {report.max_prompt_tokens} tokens ({report.on_overlong})": report.num_overlong,
        "duplicates": report.num_duplicates,
        "held-out prompts": report.num_heldout,
        "also held out": report.num_overlap,
        "with a held-out image": report.num_shared_images,
    }
    for name, count in lines.items():
        table.add_row(name, f"{count:,}")
    for images, count in sorted(report.images_per_prompt.items()):
        table.add_row(f"with {images} image(s)", f"{count:,}")
    table.add_row("seconds", f"{report.seconds:.1f}")
    return table


def _counts(report: DataReport) -> Table:
    table = Table("source", "problem type", "usable rows", title="Sources")
    for (source, problem_type), count in sorted(report.counts.items()):
        table.add_row(escape(source), escape(problem_type), f"{count:,}")
    return table


def _lengths(report: DataReport) -> Table:
    header = ["minimum", "median", "90 %", "99 %", "maximum", "mean"]
    table = Table("tokens", *header, title="Lengths")
    table.add_row("prompt", *_quantiles(report.prompt_tokens))
    table.add_row("images of a prompt", *_quantiles(report.image_tokens))
    return table


def _quantiles(lengths: NDArray[np.int32]) -> list[str]:
    values = [*np.quantile(lengths, _QUANTILES), lengths.mean()]
    return [f"{value:,.0f}" for value in values]


def _longest(report: DataReport) -> Table:
    table = Table("uid", "text tokens", "image tokens", "images", title="Longest prompts")
    for row in report.longest:
        counts = (row.text_tokens, row.image_tokens, row.num_images)
        table.add_row(escape(row.uid), *(f"{count:,}" for count in counts))
    return table


def _refused_by_column(report: DataReport) -> Table:
    table = Table("source", "column", "rows", title="Refused rows by column")
    for (source, column), count in sorted(report.refused_by_column.items()):
        table.add_row(escape(source), escape(column), f"{count:,}")
    return table


def _refused(report: DataReport) -> Table:
    shown = min(_SHOWN, len(report.refused))
    title = f"Refused rows ({shown} of {report.num_refused:,})"
    table = Table(title=title)
    for header in ("file", "row", "column", "reason", "remedy"):
        table.add_column(header, overflow="fold")
    for refusal in report.refused[:_SHOWN]:
        cells = (refusal.column, refusal.reason, refusal.remedy)
        table.add_row(escape(refusal.file), str(refusal.row), *map(escape, cells))
    return table


def _twins(report: DataReport) -> Table:
    table = Table("kind", "first", "second", "same answer", title="Equal prompts")
    for kind, twins in (("duplicate", report.duplicates), ("held out", report.overlap)):
        for twin in twins[:_SHOWN]:
            same = "yes" if twin.same_answer else "NO"
            table.add_row(kind, escape(twin.first), escape(twin.second), same)
    return table
