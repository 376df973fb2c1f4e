"""The page of policies on benchmarks: tables beside published numbers, mistakes with images."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sophia.benchmarks.benchmark import OVERALL
from sophia.benchmarks.item import Items
from sophia.benchmarks.results import Column, Result
from sophia.benchmarks.table import interval, point
from sophia.evaluation.records import EvalRecord
from sophia.report.page import write_page
from sophia.report.pictures import small_pictures

_CARDS = 48
_RIGHT_SHARE = 4

KINDS = {
    "wrong": "wrong",
    "unparsed": "nothing could be read",
    "failed": "not asked, or no verdict",
    "right": "right",
    "right-blind": "right without the image too",
}
"""What the page's filter offers for an answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A line of a table: a figure, its cells in the order of the headings."""

    label: str
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One benchmark on the page."""

    name: str
    title: str
    notes: str
    file: str
    origin: str
    headings: tuple[str, ...]
    rows: tuple[Row, ...]
    counts: tuple[Row, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What one policy answered; ``read`` is what the rule made of it, or why nothing."""

    who: str
    text: str
    read: str
    right: bool
    strictly: bool | None
    blind: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One question with the answers of all policies; ``kind`` is that of the last one."""

    uid: str
    benchmark: str
    kind: str
    labels: Mapping[str, str]
    problem: str
    options: Mapping[str, str]
    asked: str
    gold: str
    images: tuple[str, ...]
    answers: tuple[Said, ...]


def write_benchmarks_page(
    path: Path, results: Sequence[Result], items: Mapping[str, Items], *, title: str, subtitle: str
) -> None:
    """Write the page.

    Args:
        path: the HTML file that is written.
        results: what was found, a section each.
        items: the rows of each benchmark by its name, for the images of the questions shown.
        title: stands at the top of the page and in the browser's tab.
        subtitle: stands below the title.
    """
    write_page(
        path,
        "benchmarks.html",
        title=title,
        subtitle=subtitle,
        overview=_overview(results),
        headings=_overview_headings(results),
        sections=[_section(result) for result in results],
        cards=[card for result in results for card in _cards(result, items[result.name])],
        answers=KINDS,
        titles={result.name: result.title for result in results},
        who=results[0].columns[-1].label,
        who_all=[column.label for column in results[0].columns],
    )


def _overview_headings(results: Sequence[Result]) -> tuple[str, ...]:
    own = [h for column in results[0].columns for h in _column_headings(column)]
    return (*own, *_references(results))


def _overview(results: Sequence[Result]) -> tuple[Row, ...]:
    references = _references(results)
    return tuple(
        Row(
            label=result.title,
            cells=(
                *(cell for column in result.columns for cell in _cells(column, OVERALL)),
                *(_number(result.published(OVERALL, name)) for name in references),
            ),
        )
        for result in results
    )


def _references(results: Sequence[Result]) -> list[str]:
    return list(dict.fromkeys(name for result in results for name in result.references))


def _section(result: Result) -> Section:
    own = [h for column in result.columns for h in _column_headings(column)]
    change = ["change"] if result.change else []
    return Section(
        name=result.name,
        title=result.title,
        notes=result.benchmark.notes,
        file=result.file,
        origin=result.origin,
        headings=(*own, *change, *result.references),
        rows=tuple(_figure_row(result, name) for name in result.names),
        counts=tuple(_count_rows(result)),
    )


def _column_headings(column: Column) -> list[str]:
    return [column.label, *(["blind", "by the image"] if column.blind is not None else [])]


def _figure_row(result: Result, name: str) -> Row:
    cells = [cell for column in result.columns for cell in _cells(column, name)]
    if result.change:
        cells.append(interval(result.change.get(name), sign=True))
    cells += [_number(result.published(name, policy)) for policy in result.references]
    return Row(label=name, cells=tuple(cells))


def _cells(column: Column, name: str) -> list[str]:
    cells = [interval(column.figures.get(name))]
    if column.blind is not None:
        cells.append(point(column.blind_figures.get(name)))
        cells.append(interval(column.by_image.get(name), sign=True))
    return cells


def _count_rows(result: Result) -> Iterator[Row]:
    counts = [column.counts for column in result.columns]
    yield Row(label="answers", cells=tuple(str(c.answers) for c in counts))
    yield Row(label="nothing could be read", cells=tuple(str(c.unparsed) for c in counts))
    yield Row(label="not asked", cells=tuple(str(c.failed) for c in counts))
    yield Row(label="a model was asked", cells=tuple(str(c.asked) for c in counts))
    yield Row(label="it gave no verdict", cells=tuple(str(c.unanswered) for c in counts))
    yield Row(label="seconds", cells=tuple(f"{column.seconds:.0f}" for column in result.columns))


def _cards(result: Result, items: Items) -> Iterator[Card]:
    """Some questions of a benchmark, mostly those that the last policy got wrong."""
    last = result.columns[-1]
    first_answers = {record.uid: record for record in last.records if record.sample == 0}
    shown = _shown(list(first_answers.values()))
    others = [
        (column.label, _by_uid(column.records), _by_uid(column.blind or ()))
        for column in result.columns
    ]
    for place in range(len(items)):
        item = items[place]
        uid = f"{result.name}/{item.index}"
        if uid not in shown:
            continue
        record = first_answers[uid]
        answers = tuple(
            _said(label, own[uid], blind.get(uid)) for label, own, blind in others if uid in own
        )
        yield Card(
            uid=uid,
            benchmark=result.name,
            kind=_kind(record, others[-1][2].get(uid)),
            labels=item.labels,
            problem=item.question,
            options=item.options,
            asked=record.question,
            gold=item.answer,
            images=small_pictures(item.images),
            answers=answers,
        )


def _shown(records: Sequence[EvalRecord]) -> set[str]:
    """The questions on the page, drawn by a hash of their names."""
    drawn = sorted(records, key=lambda r: hashlib.sha256(r.uid.encode()).digest())
    right = [r.uid for r in drawn if r.is_right][: _CARDS // _RIGHT_SHARE]
    wrong = [r.uid for r in drawn if not r.is_right][: _CARDS - len(right)]
    return {*right, *wrong}


def _by_uid(records: Sequence[EvalRecord]) -> dict[str, EvalRecord]:
    return {record.uid: record for record in records if record.sample == 0}


def _kind(record: EvalRecord, blind: EvalRecord | None) -> str:
    if record.is_right:
        return "right-blind" if blind is not None and blind.is_right else "right"
    if record.failure:
        return "failed"
    return "unparsed" if record.extracted is None else "wrong"


def _said(who: str, record: EvalRecord, blind: EvalRecord | None) -> Said:
    return Said(
        who=who,
        text=record.text,
        read=record.failure or (record.extracted if record.extracted is not None else "nothing"),
        right=record.is_right,
        strictly=None if record.strict_outcome is None else record.strict_outcome >= 1.0,
        blind=None if blind is None else blind.is_right,
    )


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"
