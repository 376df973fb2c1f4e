"""Folders of parquet files, as the Hub has them and lmms-eval reads them."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import Any

import pyarrow
import pyarrow.parquet

from sophia.benchmarks.readers.cells import texts
from sophia.benchmarks.readers.image_store import ImageStore, digest_of, first_there, progress
from sophia.benchmarks.readers.layout import Layout, Row, repeated
from sophia.benchmarks.readers.row_items import RowItems

log = logging.getLogger(__name__)

_ROWS_AT_A_TIME = 16
_SPLIT = "split"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parquet(Layout):
    """A folder of parquet files with images as structs of bytes and path, bytes, or lists of them.

    Args:
        folder: its name below the benchmarks' root, or a path to it.
        files: which files in it, as a pattern; ``split`` is a column where none is called so: what
            a file's name begins with, up to its first "-".
        images: columns with images, in their order; one that a file lacks has none.
        repo: the data set's name on the Hub; "" where it has none.
    """

    folder: str
    files: str = "**/*.parquet"
    images: Sequence[str] = ("image",)
    repo: str = ""

    def find(self, root: Path) -> Path | None:
        """The folder, where it has such files."""
        folder = self._folder(root)
        return folder if self._files(folder) else None

    def expected(self, root: Path) -> str:
        """Where it is looked for and how people get it."""
        folder = self._folder(root)
        to = quote(str(folder))
        how = f"get it by `hf download {self.repo} --repo-type dataset --local-dir {to}`"
        return f"the parquet files {folder / self.files}" + (f"; {how}" if self.repo else "")

    def _folder(self, root: Path) -> Path:
        return root / Path(self.folder).expanduser()

    def _files(self, folder: Path) -> list[Path]:
        return sorted(folder.glob(self.files)) if folder.is_dir() else []

    def read(self, path: Path, *, cache: Path) -> RowItems:
        """Its rows; images are unpacked into a folder below ``cache`` once.

        Raises:
            ValueError: a file is cut off, no parquet or of another version, or names a row twice.
        """
        files = self._files(path)
        rows = [row for file in files for row in self._rows(file)]
        names = self._unpacked(files, path, cache)
        chosen = [place for place, row in enumerate(rows) if self.selects(row)]
        if not chosen:
            where = f" with {dict(self.where)}" if self.where else ""
            raise self.problem(path, f"holds no row{where}")
        unnamed = [p for p in chosen if self.index and self.index not in rows[p]]
        if unnamed:
            raise self.problem(path, f"has no {self.index} in row {unnamed[0] + 1}")
        twice = repeated(rows[p][self.index] for p in chosen) if self.index else None
        if twice is not None:
            raise self.problem(path, f"names two rows {self.index} {twice}")
        return RowItems(
            path=path,
            is_official=None,
            layout=self,
            rows=[rows[place] for place in chosen],
            images=[names[place] for place in chosen],
        )

    def problem(self, path: Path, what: str) -> ValueError:
        """The error about a file: what is wrong, what was expected, how to get it."""
        columns = ", ".join((*self.needed, *self.images))
        get = f"get it again from {self.repo} on the Hub" if self.repo else "write it anew"
        return ValueError(f"{path} {what}; expected whole parquet files with {columns}: {get}.")

    def _rows(self, file: Path) -> Iterator[Row]:
        """The texts of a file, without its images."""
        with self._opened(file) as parquet:
            header = parquet.schema_arrow.names
            missing = [name for name in self.needed if name not in header and name != _SPLIT]
            if missing:
                raise self.problem(
                    file,
                    f"has no column {missing[0]!r}, so it is another version or another file"
                    f" (it has {', '.join(header)})",
                )
            top = {name.partition(".")[0] for name in self.used}
            columns = [name for name in header if name in top and name not in self.images]
            for batch in self._batches(parquet, file, columns):
                for row in batch:
                    yield {_SPLIT: file.stem.partition("-")[0]} | dict(texts(row))

    def _opened(self, file: Path) -> Any:
        try:
            return pyarrow.parquet.ParquetFile(file, pre_buffer=False, buffer_size=1 << 16)
        except (pyarrow.ArrowException, OSError) as error:
            raise self.problem(file, f"is cut off or no parquet file ({error})") from error

    def _batches(
        self, parquet: Any, file: Path, columns: Sequence[str]
    ) -> Iterator[list[dict[str, Any]]]:
        """A few rows at a time, so that memory does not grow with the row groups."""
        pieces = parquet.iter_batches(batch_size=_ROWS_AT_A_TIME, columns=list(columns))
        try:
            for piece in pieces:
                yield piece.to_pylist()
        except (pyarrow.ArrowException, OSError) as error:
            raise self.problem(file, f"is damaged ({error})") from error

    def _unpacked(self, files: Sequence[Path], path: Path, cache: Path) -> list[tuple[Path, ...]]:
        store = ImageStore(cache / f"{path.name}-{digest_of(files)[:12]}")
        names = store.finished()
        if names is None:
            log.info("unpacking the images of %s into %s, once", path, store.folder)
            names = [row for file in files for row in self._stored(file, store)]
            store.finish(names)
        return [tuple(store.path(name) for name in row) for row in names]

    def _stored(self, file: Path, store: ImageStore) -> Iterator[list[str]]:
        """Puts the images of a file into the store; the names of each row's."""
        with self._opened(file) as parquet:
            columns = [name for name in self.images if name in parquet.schema_arrow.names]
            num_rows = parquet.metadata.num_rows
            if not columns:
                yield from ([] for _ in range(num_rows))
                return
            bar = progress(f"unpacking {file.name}", num_rows, " rows")
            with bar:
                for batch in self._batches(parquet, file, columns):
                    for row in batch:
                        cells = [row[name] for name in columns]
                        yield [store.put(data) for data in self._encoded(cells, file)]
                    bar.update(len(batch))

    def _encoded(self, cell: Any, file: Path) -> Iterator[bytes]:
        """The encoded images of a cell, whichever way it holds them."""
        match cell:
            case list():
                for one in cell:
                    yield from self._encoded(one, file)
            case bytes() if cell:
                yield cell
            case {"bytes": bytes(data)} if data:
                yield data
            case {"path": str(text)} if text:
                image = first_there(text, (file.parent, file.parent / "images"))
                if image is None:
                    raise self.problem(file, f"names the image {text}, which is not beside it")
                yield image.read_bytes()
