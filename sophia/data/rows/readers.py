"""Random access to the raw rows of a file, kept as offsets: JSON list, JSONL, parquet, Arrow."""

from __future__ import annotations

import glob
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import datasets
import numpy as np
from numpy.typing import NDArray

from sophia.data.rows.json_index import index_lines, index_list
from sophia.data.rows.row_error import Origin, row_error

Row = Mapping[str, Any]
_IN_MEMORY = Path("<memory>")


class RowReader(Protocol):
    """Random access to the rows of one file as they stand there, images not decoded."""

    @property
    def file(self) -> Path:
        """The path of the file, to whose folder image paths are relative."""

    def __len__(self) -> int:
        """How many rows the file has."""

    def read(self, index: int, origin: Origin) -> Row:
        """The row at a 0-based index.

        Raises:
            RowError: the row has no named columns; it is said to stand at ``origin``.
        """

    def narrow(self, column: str) -> RowReader:
        """A reader of the same rows that need hold no other column than this one, to be faster."""


class JsonReader:
    """A JSON list or JSONL file: 16 bytes of memory per row; a row is parsed when it is asked for.

    The file is opened anew for every row: a handle inherited by two workers would share its
    position.
    """

    def __init__(self, file: Path, spans: NDArray[np.int64]) -> None:
        self.file = file
        self._spans = spans  # (rows, 2) bytes

    def __len__(self) -> int:
        return len(self._spans)

    def read(self, index: int, origin: Origin) -> Row:
        begin, end = (int(byte) for byte in self._spans[index])
        with self.file.open("rb") as file:
            file.seek(begin)
            data = file.read(end - begin)
        try:
            row = json.loads(data)
        except ValueError as error:  # not JSON, or not UTF-8
            raise row_error(
                origin, "", f"the row is not JSON ({error})", "Repair or delete the line"
            ) from error
        return _checked(row, origin)

    def narrow(self, column: str) -> RowReader:
        return self


class ArrowReader:
    """A data set in Arrow files, mapped into memory; cells come undecoded (images as structs)."""

    def __init__(self, file: Path, dataset: datasets.Dataset) -> None:
        self.file = file
        self._dataset = dataset.with_format("arrow")

    def __len__(self) -> int:
        return len(self._dataset)

    def read(self, index: int, origin: Origin) -> Row:
        row: Row = self._dataset[index : index + 1].to_pylist()[0]
        return row

    def narrow(self, column: str) -> RowReader:
        return ArrowReader(self.file, self._dataset.select_columns([column]))


class MemoryReader:
    """Rows that Python already holds."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.file = _IN_MEMORY
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def read(self, index: int, origin: Origin) -> Row:
        return _checked(self._rows[index], origin)

    def narrow(self, column: str) -> RowReader:
        return self


def _checked(row: object, origin: Origin) -> Row:
    if not isinstance(row, Mapping):
        reason = f"the row is a {type(row).__name__}, expected an object with named columns"
        raise row_error(origin, "", reason, 'Write {"column": value, ...}')
    return row


def open_readers(
    rows: str | Path | Sequence[Row] | datasets.Dataset, split: str | None
) -> tuple[RowReader, ...]:
    """The readers of a file, a folder or a pattern with ``*``, one per file, in order of name.

    Rows that Python already holds are read as they are, those of a ``datasets.Dataset`` without
    decoding them. ``split`` chooses one of several splits in a folder of ``save_to_disk``.

    Raises:
        ValueError: no file matches, a file is of an unknown kind, or there is no such split.
    """
    if isinstance(rows, datasets.Dataset):
        return (ArrowReader(_IN_MEMORY, rows),)
    if isinstance(rows, str | Path):
        return _open_path(str(rows), split)
    return (MemoryReader(rows),)


def _open_path(pattern: str, split: str | None) -> tuple[RowReader, ...]:
    files = [Path(pattern)] if Path(pattern).exists() else _glob(pattern)
    if not files:
        raise ValueError(
            f"no file matches {pattern!r}. Expected {_expected()}; check the path, or the"
            " working directory if it is relative."
        )
    if len(files) == 1 and files[0].is_dir():
        return _open_folder(files[0], split)
    return tuple(_open_file(file) for file in files)


def _glob(pattern: str) -> list[Path]:
    return [Path(name) for name in sorted(glob.glob(pattern, recursive=True))]


def _open_folder(folder: Path, split: str | None) -> tuple[RowReader, ...]:
    if (folder / "dataset_dict.json").exists() or (folder / "state.json").exists():
        return (ArrowReader(folder, _load_saved(folder, split)),)
    files = sorted(file for file in folder.iterdir() if file.suffix in _OPENERS)
    if not files:
        raise ValueError(
            f"the folder {folder} holds no rows. Expected {_expected()}; name the file, or a"
            f" pattern such as {folder}/**/train-*.parquet."
        )
    return tuple(_open_file(file) for file in files)


def _load_saved(folder: Path, split: str | None) -> datasets.Dataset:
    loaded = datasets.load_from_disk(str(folder))
    if isinstance(loaded, datasets.Dataset):
        return loaded
    if split not in loaded:
        raise ValueError(
            f"{folder} holds the splits {sorted(loaded)}, got split={split!r}."
            " Set `split` of the source to one of them."
        )
    return loaded[split]


def _open_file(file: Path) -> RowReader:
    if file.suffix not in _OPENERS:
        raise ValueError(
            f"cannot read {file}: its ending is {file.suffix!r}. Expected {_expected()}."
        )
    return _OPENERS[file.suffix](file)


def _open_parquet(file: Path) -> RowReader:
    """A reader of a parquet file, over a copy in Arrow format among the caches of ``datasets``.

    The copy is made once. Parquet has no random access: a shuffled run would decode a whole row
    group per row.
    """
    return ArrowReader(file, datasets.Dataset.from_parquet(str(file)))


def _open_arrow(file: Path) -> RowReader:
    return ArrowReader(file, datasets.Dataset.from_file(str(file)))


_OPENERS: dict[str, Callable[[Path], RowReader]] = {
    ".json": lambda file: JsonReader(file, index_list(file)),
    ".jsonl": lambda file: JsonReader(file, index_lines(file)),
    ".parquet": _open_parquet,
    ".arrow": _open_arrow,
}


def _expected() -> str:
    return f"a file ending in {', '.join(sorted(_OPENERS))}, or a folder of them or of save_to_disk"
