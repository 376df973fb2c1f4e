"""One source of rows: a file, a folder or a pattern, its columns, where its images lie."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cached_property
from itertools import accumulate
from pathlib import Path

import datasets
import numpy as np

from sophia.data.rows.columns import Columns, has_cell
from sophia.data.rows.known import UnmappedColumn, likely_column, unmapped_columns
from sophia.data.rows.readers import Row, RowReader, open_readers
from sophia.data.rows.row import RowParser
from sophia.data.rows.row_error import Origin
from sophia.data.template import PromptTemplate
from sophia.types import Prompt

_PROBED_ROWS = 1000
_PROBED_FOR_UNMAPPED = 100


def row_sources(
    files: Mapping[str, str] | Sequence[str] | str,
    *,
    columns: Columns,
    image_root: str | None = None,
    problem_type: str | None = None,
    rename_types: Mapping[str, str] | None = None,
    split: str | None = None,
    weights: Mapping[str, float] | None = None,
) -> tuple[RowSource, ...]:
    """Several sources of one shape, described as ``RowSource`` describes one.

    Args:
        files: the path of each source by its name; of a path or a list of paths alone, the name
            is that of the file without its ending.
        columns: the user's column names, the same in all sources.
        image_root: folder that relative image paths begin at; None: the folder of each file.
        problem_type: the type of rows that name none; None demands one of every row.
        rename_types: our name of a problem type by the user's name of it.
        split: which split to read of a folder that holds several.
        weights: the weight of a source by its name, 1 for those that are not named.
    """
    weights = weights or {}
    named = files if isinstance(files, Mapping) else _named_by_stem(files)
    unknown = sorted(weights.keys() - named.keys())
    if unknown:
        raise ValueError(
            f"weights are given for {unknown}, which are not among the files {sorted(named)}."
            " Use the names under `files`."
        )
    return tuple(
        RowSource(
            path,
            name=name,
            columns=columns,
            image_root=image_root,
            problem_type=problem_type,
            rename_types=rename_types,
            split=split,
            weight=weights.get(name, 1.0),
        )
        for name, path in named.items()
    )


def _named_by_stem(files: Sequence[str] | str) -> dict[str, str]:
    """The paths by names made of the files' own; of a pattern, what is left without its signs."""
    paths = [files] if isinstance(files, str) else list(files)
    names = [re.sub(r"[*?\[\]]", "", Path(path).stem).strip("-_. ") or "rows" for path in paths]
    repeated = sorted(name for name, count in Counter(names).items() if count > 1)
    if repeated:
        raise ValueError(
            f"several of the files {paths} would be called {repeated}; name them yourself:"
            " files: {first: PATH, second: PATH}."
        )
    return dict(zip(names, paths, strict=True))


class RowSource:
    """The rows of one source by index; its files are opened when the first row is asked for."""

    def __init__(
        self,
        rows: str | Path | Sequence[Row] | datasets.Dataset,
        *,
        name: str,
        columns: Columns,
        image_root: str | None = None,
        problem_type: str | None = None,
        rename_types: Mapping[str, str] | None = None,
        split: str | None = None,
        weight: float = 1.0,
    ) -> None:
        """Describe the source.

        Args:
            rows: path of a .json, .jsonl, .parquet or .arrow file, of a folder (of such files, or
                written by ``save_to_disk``), or a pattern with ``*``; or the rows themselves.
            name: begins the uid of its prompts, so it must differ between sources.
            columns: says which of the user's columns means what.
            image_root: folder that relative image paths begin at; None: the folder of the file.
            problem_type: the type of rows that name none; None demands one of every row.
            rename_types: our name of a problem type by the user's name of it.
            split: which split to read of a folder that holds several.
            weight: how often a row appears in an epoch; 2 shows each twice, 0.5 a random half.
        """
        if weight <= 0:
            raise ValueError(
                f"source {name!r} has weight {weight}, expected more than 0. To leave a source"
                " out, remove it from `sources`."
            )
        self.name = name
        self.weight = weight
        self._rows = rows
        self._columns = columns
        self._image_root = None if image_root is None else Path(image_root)
        self._problem_type = problem_type
        self._rename_types = dict(rename_types or {})
        self._split = split

    def __len__(self) -> int:
        return self._ends[-1]

    @property
    def files(self) -> str:
        """The paths of its files, for messages."""
        return ", ".join(str(reader.file) for reader in self._readers)

    def origin(self, index: int) -> Origin:
        """In which file and at which place of it the row with this index stands."""
        return self._locate(index)[1]

    def problem_type(self, index: int, template: PromptTemplate) -> str:
        """The problem type of one row, found without reading its images.

        Raises:
            RowError: the row names no type, and the source has none for such rows.
        """
        which, origin = self._locate(index)
        readers = self._type_readers
        row = readers[which].read(origin.row, origin) if readers else {}
        return self._parser(template).problem_type(row, origin)

    def prompt(self, index: int, template: PromptTemplate) -> Prompt:
        """The row with this index as a prompt whose images are references.

        Raises:
            RowError: the row cannot be used as it is.
        """
        which, origin = self._locate(index)
        reader = self._readers[which]
        row = reader.read(origin.row, origin)
        root = self._image_root or reader.file.parent
        return self._parser(template).parse(row, origin=origin, image_root=root)

    def unmapped_columns(self) -> tuple[UnmappedColumn, ...]:
        """Columns of the rows that mean something to us, and that ``columns`` does not name."""
        rows = self._probes(self._readers, at_most=_PROBED_FOR_UNMAPPED)
        return unmapped_columns(rows, self._columns, source=self.name)

    def _parser(self, template: PromptTemplate) -> RowParser:
        return RowParser(
            columns=self._columns,
            template=template,
            problem_type=self._problem_type,
            rename_types=self._rename_types,
        )

    def _locate(self, index: int) -> tuple[int, Origin]:
        """The number of the reader that holds the row, and where the row stands."""
        if not 0 <= index < len(self):
            raise IndexError(index)
        which = int(np.searchsorted(self._ends, index, side="right"))
        reader = self._readers[which]
        row = index - (self._ends[which] - len(reader))
        return which, self._origin(reader, row)

    def _origin(self, reader: RowReader, row: int) -> Origin:
        return Origin(source=self.name, file=str(reader.file), row=row)

    @cached_property
    def _readers(self) -> tuple[RowReader, ...]:
        readers = open_readers(self._rows, self._split)
        self._check_columns(readers)
        return readers

    @cached_property
    def _type_readers(self) -> tuple[RowReader, ...]:
        """Readers that need hold the column of the problem type alone; none without one."""
        column = self._columns.problem_type
        if column is None:
            return ()
        return tuple(reader.narrow(column.split(".")[0]) for reader in self._readers)

    @cached_property
    def _ends(self) -> list[int]:
        return list(accumulate(len(reader) for reader in self._readers))

    def _check_columns(self, readers: Sequence[RowReader]) -> None:
        """Raise ValueError for a named column that none of up to 1000 rows of each file has.

        It is misspelt, and would otherwise look like a column that is always empty.
        """
        missing = self._columns.own_names
        seen: set[str] = set()
        for row in self._probes(readers, at_most=_PROBED_ROWS):
            seen |= row.keys()
            missing = {ours: name for ours, name in missing.items() if not has_cell(row, name)}
            if not missing:
                return
        if seen:
            free = seen - set(self._columns.own_names.values())
            files = ", ".join(str(reader.file) for reader in readers[:3])
            raise ValueError(
                f"source {self.name!r} ({files}): no row has the column(s)"
                f" {sorted(missing.values())}; columns found: {sorted(seen)}."
                f" {_remedy(missing, free)}"
            )

    def _probes(self, readers: Sequence[RowReader], *, at_most: int) -> Iterator[Row]:
        """Rows from all over each file, at most so many of each."""
        for reader in readers:
            for index in np.linspace(0, len(reader) - 1, min(len(reader), at_most), dtype=int):
                yield self._probe(reader, int(index))

    def _probe(self, reader: RowReader, index: int) -> Row:
        try:
            return reader.read(index, self._origin(reader, index))
        except ValueError:  # a row that is not JSON is reported when its turn comes
            return {}


def _remedy(missing: Mapping[str, str], free: Collection[str]) -> str:
    """Which line of the mapping to correct for columns that no row has."""
    lines = []
    for meaning, name in missing.items():
        alike = get_close_matches(name, sorted(free), n=1, cutoff=0.8)
        likely = alike[0] if alike else likely_column(meaning, free)
        if likely is not None:
            lines.append(f"{meaning}: {likely}")
        elif meaning in ("problem", "answer"):
            lines.append(f"{meaning}: <the column that holds it, not {name}>")
        else:
            lines.append(f"{meaning}: null")
    shown = " and ".join(f"`{line}`" for line in lines)
    given = " ".join(f"data.train.sources.columns.{line.replace(': ', '=')}" for line in lines)
    return f"Say {shown} under `columns` (on the command line {given})."
