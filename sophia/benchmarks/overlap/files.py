"""The lists of a comparison, written while it goes on: whole at its end, or not at all."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from sophia.benchmarks.overlap.match import KINDS, Compared, Kind, Match
from sophia.benchmarks.overlap.target import Target
from sophia.data.check.report import Refusal
from sophia.data.rows.row_error import Origin, RowError, origin_of
from sophia.types import Prompt

PAIRS, EXCLUDE, UNREAD = "overlap.csv", "exclude.csv", "unread.csv"
_PAIR = (
    "benchmark", "index", "kind", "source", "file", "row", "bits", "likeness", "similarity",
    "question", "training_question",
)  # fmt: skip
_NAMED = 5

_Write = Callable[[Iterable[Any]], object]


class OverlapFiles:
    """Every pair, the rows to leave out, and what could not be read.

    The last two have the columns of the ``refused.csv`` of a check, so ``RowDataset(exclude=...)``
    takes them.
    """

    def __init__(
        self,
        targets: Sequence[Target],
        *,
        exclude: Collection[Kind],
        pair: _Write,
        excluded: _Write,
        unread: _Write,
    ) -> None:
        """Set which kinds of a match are a reason to leave a row out, and what writes a line."""
        self._targets = {target.name: target for target in targets}
        self._exclude = frozenset(exclude)
        self._pair, self._excluded, self._unread = pair, excluded, unread
        self.num_rows = 0
        """Rows that were compared."""
        self.num_excluded = 0
        self.num_unread = 0
        self.unread: list[str] = []
        """The first things that could not be read, as sentences."""
        for target in targets:
            for place, error in target.broken.items():
                origin = Origin(source=target.name, file=str(target.items.path), row=place)
                self._add_unread(origin, "images", str(error))

    def add(self, compared: Compared) -> None:
        """Write what was found about one row."""
        row = compared.row
        if isinstance(row, RowError):
            self._add_unread(row.origin, row.column, row.reason)
            return
        self.num_rows += 1
        origin = origin_of(row)
        for error in compared.broken[:1]:
            self._add_unread(origin, row.column("images"), str(error))
        for name, matches in compared.matches.items():
            for match in matches:
                self._pair(_pair_line(self._targets[name], row, match))
        self._exclude_row(row, compared)

    def _exclude_row(self, row: Prompt, compared: Compared) -> None:
        reasons = [
            f"{KINDS[match.kind]} as {name} {self._targets[name].items[match.item].index}"
            for name, matches in compared.matches.items()
            for match in matches
            if match.kind in self._exclude
        ]
        if not reasons:
            return
        self.num_excluded += 1
        remedy = f"Leave the row out: data.train.exclude={EXCLUDE}"
        self._excluded(_line(origin_of(row), row.column("problem"), reasons[0], remedy))

    def _add_unread(self, origin: Origin, column: str, reason: str) -> None:
        self.num_unread += 1
        if len(self.unread) < _NAMED:
            self.unread.append(f"{origin.file}, row {origin.row}, column {column!r}: {reason}")
        remedy = "Repair it: the row was not compared, or not by this image"
        self._unread(_line(origin, column, reason, remedy))


@contextmanager
def overlap_files(
    folder: Path, targets: Sequence[Target], *, exclude: Collection[Kind]
) -> Iterator[OverlapFiles]:
    """The files of a comparison; they have their names once it has ended well."""
    folder.mkdir(parents=True, exist_ok=True)
    names = (PAIRS, EXCLUDE, UNREAD)
    with ExitStack() as stack:
        writers = [
            csv.writer(
                stack.enter_context(
                    (folder / f"{name}.partial").open("w", newline="", encoding="utf-8")
                )
            )
            for name in names
        ]
        writers[0].writerow(_PAIR)
        for writer in writers[1:]:
            writer.writerow(Refusal.__slots__)
        pair, excluded, unread = (writer.writerow for writer in writers)
        yield OverlapFiles(targets, exclude=exclude, pair=pair, excluded=excluded, unread=unread)
    for name in names:
        os.replace(folder / f"{name}.partial", folder / name)


def _pair_line(target: Target, row: Prompt, match: Match) -> list[Any]:
    origin, item = origin_of(row), target.items[match.item]
    return [
        target.name,
        item.index,
        KINDS[match.kind],
        origin.source,
        origin.file,
        origin.row,
        match.bits,
        None if match.likeness is None else f"{match.likeness:.3f}",
        f"{match.similarity:.3f}",
        item.question,
        row.shown_question,
    ]


def _line(origin: Origin, column: str, reason: str, remedy: str) -> list[Any]:
    """In the order of the columns of a refusal."""
    return [origin.source, origin.file, origin.row, column, reason, remedy]
