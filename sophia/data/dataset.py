"""Several sources of rows as one map-style data set whose content follows from its seed alone."""

from __future__ import annotations

import csv
import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sophia.data.images.opening import check_media
from sophia.data.rows.row_error import RowError
from sophia.data.rows.source import RowSource
from sophia.data.slow import shown_when_slow
from sophia.data.template import PromptTemplate
from sophia.types import Prompt

log = logging.getLogger(__name__)

_LOGGED_ERRORS = 5
_FEW_ROWS = (
    "For so few rows give the held-out part files of its own (data.heldout.sources.files=PATH), or"
    " use all rows for both, and say so: data.train.part=[0.0,1.0] data.heldout.part=[0.0,1.0]."
)


class RowDataset:
    """``len(dataset)`` prompts by index, images still references.

    Sources come one after the other; the order of a run is the loader's. Nothing is read before
    the first use, and rows are kept as offsets: a million rows take some 40 MB.
    """

    def __init__(
        self,
        *,
        sources: Sequence[RowSource],
        template: PromptTemplate,
        seed: int,
        part: tuple[float, float] = (0.0, 1.0),
        limit: int | None = None,
        problem_types: Sequence[str] | None = None,
        on_bad_row: Literal["refuse", "skip"] = "refuse",
        exclude: str | None = None,
    ) -> None:
        """Describe the data.

        Args:
            sources: where the rows come from, in this order.
            template: renders the question of every row.
            seed: decides which rows ``limit`` and fractional weights of sources keep.
            part: which part of every source is used, as two shares of a fixed random order that
                no seed changes: (0.0, 0.95) to train on, (0.95, 1.0) to hold out.
            limit: how many rows are kept, drawn at random from all; None keeps all.
            problem_types: the problem types whose rows are kept; None keeps all.
            on_bad_row: with ``refuse`` a row that cannot be used raises when it is asked for; with
                ``skip`` all rows are parsed at first use, and those that are bad, or whose images
                are missing or break off, are left out and counted in ``skipped`` and in the log.
            exclude: a CSV with columns ``file`` and ``row`` whose rows stay out, such as the
                ``refused.csv`` that the data check writes; None leaves none out.

        Raises:
            ValueError: no source, two sources of one name, a senseless ``limit`` or ``part``.
        """
        names = Counter(source.name for source in sources)
        repeated = sorted(name for name, count in names.items() if count > 1)
        if repeated or not sources:
            raise ValueError(
                f"sources are {[source.name for source in sources]}; expected at least one, and"
                " different names. Set `sources`, and the `name` of each."
            )
        if limit is not None and limit < 1:
            raise ValueError(f"limit is {limit}, expected at least 1, or null for all rows.")
        begin, end = part
        if not 0.0 <= begin < end <= 1.0:
            raise ValueError(
                f"part is {list(part)}; expected two shares with 0 <= begin < end <= 1, such as"
                " [0.0, 0.95]."
            )
        self.sources = tuple(sources)
        self._part = (begin, end)
        self._template = template
        self._seed = seed
        self._limit = limit
        self._problem_types = None if problem_types is None else frozenset(problem_types)
        self._on_bad_row = on_bad_row
        self._exclude = exclude

    def __len__(self) -> int:
        return len(self._screened.index)

    def __getitem__(self, index: int) -> Prompt:
        if not 0 <= index < len(self):
            raise IndexError(index)
        source, row, copy = (int(value) for value in self._screened.index[index])
        prompt = self.sources[source].prompt(row, self._template)
        # Equal uids in one step would draw equal completions.
        return replace(prompt, uid=f"{prompt.uid}#{copy}") if copy else prompt

    @property
    def skipped(self) -> tuple[RowError, ...]:
        """The rows that ``on_bad_row='skip'`` left out."""
        return self._screened.skipped

    def inspect(self) -> Iterator[Prompt | RowError]:
        """Every different row once as a prompt, or its error where it is bad: for the check."""
        for source, row, copy in self._drawn.tolist():
            if copy == 0:
                yield self._try(source, row)

    def num_rows(self) -> int:
        """How many different rows ``inspect`` goes through."""
        return int((self._drawn[:, 2] == 0).sum())

    def _try(self, source: int, row: int) -> Prompt | RowError:
        try:
            return self.sources[source].prompt(row, self._template)
        except RowError as error:  # rows are the user's; whether to go on is the caller's choice
            return error

    def _usable(self, source: int, row: int) -> RowError | None:
        """Why a row cannot be used, its images looked at but not decoded; None: it can."""
        prompt = self._try(source, row)
        if isinstance(prompt, RowError):
            return prompt
        try:
            check_media(prompt)
        except RowError as error:
            return error
        return None

    @cached_property
    def _screened(self) -> _Screened:
        drawn = self._drawn
        if self._on_bad_row == "refuse":
            return _Screened(index=drawn, skipped=())
        bad = {
            (source, row): error
            for source, row in shown_when_slow(
                sorted({(source, row) for source, row, _ in drawn.tolist()}),
                description="looking for rows that cannot be used",
            )
            if (error := self._usable(source, row)) is not None
        }
        for error in list(bad.values())[:_LOGGED_ERRORS]:
            place = f"{error.origin.file}, row {error.origin.row}, column {error.column!r}"
            log.warning("skipped: %s: %s", place, error.reason)
        if bad:
            log.warning("skipped %d of %d rows that cannot be used", len(bad), self.num_rows())
        good = np.array([(source, row) not in bad for source, row, _ in drawn.tolist()], dtype=bool)
        return _Screened(index=self._not_empty(drawn[good]), skipped=tuple(bad.values()))

    @cached_property
    def _drawn(self) -> NDArray[np.int64]:
        """(prompts, 3) source, row in it and copy of the row, before bad rows are left out."""
        parts = [self._rows_of(which) for which in range(len(self.sources))]
        index = np.concatenate(parts)
        if self._limit is not None and self._limit < len(index):
            generator = np.random.default_rng([self._seed, len(self.sources)])
            keep = generator.choice(len(index), size=self._limit, replace=False)
            index = index[np.sort(keep)]
        return self._not_empty(index)

    def _rows_of(self, which: int) -> NDArray[np.int64]:
        """(prompts, 3) of one source: whole copies, then a random part for what is left of 1."""
        rows = self._selected(which)
        copies, rest = divmod(self.sources[which].weight, 1.0)
        generator = np.random.default_rng([self._seed, which])
        part = generator.choice(len(rows), size=round(rest * len(rows)), replace=False)
        parts = [rows] * int(copies) + [rows[np.sort(part)]]
        return np.concatenate(
            [_indexed(which, rows_of_copy, copy) for copy, rows_of_copy in enumerate(parts)]
        )

    def _selected(self, which: int) -> NDArray[np.int64]:
        source = self.sources[which]
        rows = _part_of(len(source), self._part)
        if self._problem_types is None and not self._excluded:
            return rows
        kept = [row for row in rows.tolist() if self._is_selected(source, row)]
        return np.array(kept, dtype=np.int64)

    def _is_selected(self, source: RowSource, row: int) -> bool:
        origin = source.origin(row)
        if (origin.file, origin.row) in self._excluded:
            return False
        if self._problem_types is None:
            return True
        try:
            return source.problem_type(row, self._template) in self._problem_types
        except RowError:  # stays in, so that ``on_bad_row`` decides about it
            return True

    @cached_property
    def _excluded(self) -> frozenset[tuple[str, int]]:
        return frozenset() if self._exclude is None else _read_exclusions(Path(self._exclude))

    def _not_empty(self, index: NDArray[np.int64]) -> NDArray[np.int64]:
        if len(index) == 0:
            raise ValueError(self._why_empty())
        if len(index) == 1 and self._part != (0.0, 1.0):
            log.warning("one row is all that part %s leaves. %s", list(self._part), _FEW_ROWS)
        return index

    def _why_empty(self) -> str:
        sizes = {source.name: len(source) for source in self.sources}
        if not sum(sizes.values()):
            files = ", ".join(source.files for source in self.sources)
            return (
                f"no rows are left of the sources {list(sizes)}: their files are empty ({files})."
            )
        if not sum(len(_part_of(size, self._part)) for size in sizes.values()):
            counts = ", ".join(f"{size} of {name!r}" for name, size in sizes.items())
            return (
                f"no rows are left: part {list(self._part)} of the rows ({counts}) is none."
                f" {_FEW_ROWS}"
            )
        kept = None if self._problem_types is None else sorted(self._problem_types)
        return (
            f"no rows are left of the sources {list(sizes)} with problem_types={kept} and"
            f" on_bad_row={self._on_bad_row!r}."
            " Run `python -m sophia check` on the same settings to see why."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Screened:
    index: NDArray[np.int64]  # (prompts, 3): source, row in it, which copy of the row
    skipped: tuple[RowError, ...]


def _read_exclusions(path: Path) -> frozenset[tuple[str, int]]:
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        if not {"file", "row"} <= set(reader.fieldnames or ()):
            raise ValueError(
                f"{path} has the columns {reader.fieldnames}, expected at least file and row."
                " Give the refused.csv that `python -m sophia check` writes."
            )
        return frozenset((line["file"], int(line["row"])) for line in reader)


def _part_of(num_rows: int, part: tuple[float, float]) -> NDArray[np.int64]:
    """The rows between two shares of a random order that depends on the number of rows alone."""
    begin, end = (round(share * num_rows) for share in part)
    return np.sort(np.random.default_rng(num_rows).permutation(num_rows)[begin:end])


def _indexed(source: int, rows: NDArray[np.int64], copy: int) -> NDArray[np.int64]:
    index = np.empty((len(rows), 3), dtype=np.int64)
    index[:, 0] = source
    index[:, 1] = rows
    index[:, 2] = copy
    return index
