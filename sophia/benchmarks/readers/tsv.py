"""VLMEvalKit's TSV files: one row per question, images in base64.

They are read as VLMEvalKit reads them, by a bare ``pandas.read_csv(sep="\\t")``: an option spelled
"None" is then missing, and 4 in a column with gaps is 4.0. Its prompts and numbers come from that.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import Any, BinaryIO

import pandas

from sophia.benchmarks.readers.image_store import (
    ImageStore,
    decoded,
    digest_of,
    first_there,
    is_whole,
    partial_of,
    progress,
)
from sophia.benchmarks.readers.layout import Layout, Row, listed, repeated
from sophia.benchmarks.readers.row_items import RowItems

log = logging.getLogger(__name__)

_IMAGE, _IMAGE_PATH = "image", "image_path"
_SHARED_CHARACTERS = 64
_ROWS_AT_A_TIME = 8
_NO_TABLE = (pandas.errors.ParserError, pandas.errors.EmptyDataError, UnicodeDecodeError)


@dataclass(frozen=True, slots=True, kw_only=True)
class TSV(Layout):
    """A TSV file of VLMEvalKit, or one's own in its format.

    Args:
        file: its name without ``.tsv``; or a path with it, from the working directory or the root.
        md5: the MD5 of the published file in hex; "" where none is known.
        url: where people get it; "" for a file of one's own.
        text_rows: whether rows without an image stay. VLMEvalKit leaves them out of a file that
            has images.
    """

    file: str
    md5: str = ""
    url: str = ""
    text_rows: bool = False

    def find(self, root: Path) -> Path | None:
        """The file below ``root``, or where its path says."""
        path = self._path(root)
        return path if path.is_file() else None

    def expected(self, root: Path) -> str:
        """Where it is looked for and how people get it."""
        path = self._path(root)
        how = f"get it by `curl -L --create-dirs -o {quote(str(path))} {self.url}`"
        return f"the TSV file {path}" + (f"; {how}" if self.url else "")

    def _path(self, root: Path) -> Path:
        name = Path(self.file).expanduser()
        if name.suffix == ".tsv" and name.is_file():
            return name.absolute()
        return root / (name if name.suffix == ".tsv" else name.with_name(name.name + ".tsv"))

    def read(self, path: Path, *, cache: Path) -> RowItems:
        """Its rows; images are unpacked into a folder below ``cache`` once.

        Raises:
            ValueError: it is empty, cut off, no table, of another version, or names a row twice.
        """
        header = self._header(path)
        digest = digest_of([path])
        store = ImageStore(cache / f"{path.stem}-{digest[:12]}")
        names = store.finished()
        if names is None:
            log.info("unpacking %s into %s, once", path, store.folder)
            names = _Unpacking(self, path, store).run()
        rows = _rows(store)
        self._check(path, rows)
        chosen = [place for place, row in enumerate(rows) if self.selects(row)]
        if not chosen:
            raise self.problem(path, f"has no row with {dict(self.where)}")
        images = {place: self._images(path, store, rows[place], names[place]) for place in chosen}
        if _IMAGE in header and not self.text_rows:
            chosen = [place for place in chosen if images[place]]
            if left_out := len(images) - len(chosen):
                log.info("%s: %d rows without an image are left out", path, left_out)
        if not chosen:
            raise self.problem(path, f"has no image in its column {_IMAGE!r}")
        return RowItems(
            path=path,
            is_official=digest == self.md5 if self.md5 else None,
            layout=self,
            rows=[rows[place] for place in chosen],
            images=[images[place] for place in chosen],
        )

    def problem(self, path: Path, what: str) -> ValueError:
        """The error about a file: what is wrong, what was expected, how to get it."""
        get = f"get it again from {self.url}" if self.url else "write it anew"
        columns = ", ".join(self.needed)
        return ValueError(
            f"{path} {what}; expected a whole VLMEvalKit TSV with the columns {columns}: {get}."
        )

    def _header(self, path: Path) -> list[str]:
        with path.open("rb") as file:
            start = file.readline(1 << 16)
        if not start:
            raise self.problem(path, "is empty")
        if b"\t" not in start or b"\0" in start:
            raise self.problem(path, f"is no TSV file: it begins with {start[:40]!r}")
        try:
            header = [str(name) for name in pandas.read_csv(path, sep="\t", nrows=0).columns]
        except _NO_TABLE as error:
            raise self.problem(path, f"cannot be read as a table ({error})") from error
        missing = [column for column in self.needed if column not in header]
        if missing:
            raise self.problem(
                path,
                f"has no column {missing[0]!r}, so it is another version or another file"
                f" (it has {', '.join(header)})",
            )
        return header

    def _check(self, path: Path, rows: Sequence[Row]) -> None:
        if not rows:
            raise self.problem(path, "has a header and no rows")
        unnamed = [place for place, row in enumerate(rows) if self.index not in row]
        if self.index and unnamed:
            raise self.problem(path, f"has no {self.index} in row {unnamed[0] + 1}")
        twice = repeated(row[self.index] for row in rows) if self.index else None
        if twice is not None:
            raise self.problem(path, f"names two rows {self.index} {twice}")
        if self.answer in self.columns and not any(self.answer in row for row in rows):
            raise self.problem(
                path, f"has no answers in its column {self.answer!r}, as files of a hidden test"
            )

    def _images(
        self, path: Path, store: ImageStore, row: Row, names: Sequence[str]
    ) -> tuple[Path, ...]:
        """Files of a row's images: unpacked ones, or those its ``image_path`` names."""
        if names:
            return tuple(store.path(name) for name in names)
        beside = path.parent / "images"
        folders = (path.parent, beside / path.stem, beside)
        found = []
        for text in listed(row.get(_IMAGE_PATH, "")):
            image = first_there(text, folders)
            if image is None:
                raise self.problem(
                    path,
                    f"names the image {text} in row {row.get(self.index, '')}, which is in none of"
                    f" {', '.join(map(str, folders))}",
                )
            found.append(image)
        return tuple(found)


def _rows(store: ImageStore) -> list[Row]:
    """The texts as VLMEvalKit puts them into a prompt; cells that it calls missing are left out."""
    table = pandas.read_csv(store.folder / "rows.tsv", sep="\t")
    return [_texts(row) for row in table.to_dict("records")]


def _texts(row: Mapping[Any, Any]) -> Row:
    return {str(name): str(value) for name, value in row.items() if not pandas.isna(value)}


class _Unpacking:
    """One pass over a file, a few rows at a time: texts into a file, images into the store."""

    def __init__(self, source: TSV, path: Path, store: ImageStore) -> None:
        self._source = source
        self._path = path
        self._store = store
        self._cells: list[list[str] | str] = []  # a row's images, or the index of who has them

    def run(self) -> list[list[str]]:
        """The names of each row's images."""
        texts = self._store.folder / "rows.tsv"
        partial = partial_of(texts)
        try:
            with (
                self._path.open("rb") as file,
                partial.open("w", encoding="utf-8", newline="") as target,
            ):
                last = self._walk(file, target)
        except _NO_TABLE as error:
            raise self._source.problem(
                self._path, f"cannot be read as a table, or is cut off ({error})"
            ) from error
        self._check_end(last)
        os.replace(partial, texts)
        names = self._shared()
        self._store.finish(names)
        return names

    def _walk(self, file: BinaryIO, target: Any) -> Mapping[str, str]:
        """Every row once; the cells of the last one."""
        size = self._path.stat().st_size
        last: Mapping[str, str] = {}
        bar = progress(f"unpacking {self._path.name}", size, "B")
        pieces = pandas.read_csv(
            file, sep="\t", dtype=str, na_filter=False, chunksize=_ROWS_AT_A_TIME
        )
        with bar, pieces:
            for number, piece in enumerate(pieces):
                if not isinstance(piece.index, pandas.RangeIndex):
                    raise self._source.problem(self._path, "has rows with more cells than names")
                last = dict(piece.iloc[-1]) if len(piece) else last
                for cell in piece.pop(_IMAGE) if _IMAGE in piece else [""] * len(piece):
                    self._cells.append(self._images(str(cell)))
                piece.to_csv(target, sep="\t", index=False, header=number == 0, quoting=1)
                bar.update(min(file.tell(), size) - bar.n)
        return last

    def _images(self, cell: str) -> list[str] | str:
        if 0 < len(cell) <= _SHARED_CHARACTERS and not cell.startswith("["):
            return cell.strip()
        try:
            return [self._store.put(decoded(text)) for text in listed(cell)]
        except ValueError as error:
            row = len(self._cells) + 1
            raise self._source.problem(
                self._path, f"has a damaged image in row {row}, or is cut off there: {error}"
            ) from error

    def _check_end(self, last: Mapping[str, str]) -> None:
        """A file that was cut off ends in the middle of a row, and so without a line break."""
        tail = _last_line(self._path)
        if tail.endswith((b"\n", b"\r")) or not last:
            return
        is_short = b'"' not in tail and tail.count(b"\t") < len(last) - 1
        images = self._cells[-1]
        is_broken = isinstance(images, list) and not all(
            is_whole(self._store.path(name).read_bytes()) for name in images
        )
        if is_short or is_broken:
            raise self._source.problem(
                self._path, f"is cut off in the middle of row {len(self._cells)}, its last one"
            )

    def _shared(self) -> list[list[str]]:
        """The images of each row, those of another row where it names one."""
        rows = _rows(self._store)
        places = {row.get(self._source.index or "index", ""): p for p, row in enumerate(rows)}
        return [self._followed(place, places) for place in range(len(self._cells))]

    def _followed(self, place: int, places: Mapping[str, int]) -> list[str]:
        seen = {place}
        cell = self._cells[place]
        while isinstance(cell, str):
            other = places.get(cell)
            if other is None or other in seen:
                why = "does not exist" if other is None else "names this one in turn"
                raise self._source.problem(
                    self._path,
                    f"shows in row {place + 1} the image of index {cell!r}, which {why} (or it is"
                    f" cut off there; paths of images belong into a column {_IMAGE_PATH})",
                )
            seen.add(other)
            cell = self._cells[other]
        return cell


def _last_line(path: Path) -> bytes:
    """The end of a file, from its last line break but one."""
    size, read = path.stat().st_size, b""
    with path.open("rb") as file:
        while b"\n" not in read[:-1] and len(read) < size:
            length = min(max(len(read), 1 << 16), size - len(read))
            file.seek(size - len(read) - length)
            read = file.read(length) + read
    return read[read.rfind(b"\n", 0, len(read) - 1) + 1 :]
