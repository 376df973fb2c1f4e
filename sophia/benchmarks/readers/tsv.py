"""VLMEvalKit's TSV files: one row per question, images in base64.

They are read as VLMEvalKit reads them, by a bare ``pandas.read_csv(sep="\t")``: an option spelled
"None" is then missing, and 4 in a column with gaps is 4.0. Their prompts and numbers come from that.
"""

from __future__ import annotations

import ast
import base64
import binascii
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import md5
from pathlib import Path
from typing import Any

import pandas

from sophia.benchmarks.item import Item
from sophia.types import Media

_IMAGES, _PATHS = "image", "image_path"
_SHARED = 64
"""An image column of at most so many characters is the index of the row that has the image."""
_ROWS_AT_A_TIME = 64
_LETTERS = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")


@dataclass(frozen=True, slots=True, kw_only=True)
class TSVFile:
    """A file as it should be.

    Args:
        name: the file's name without ``.tsv``.
        official: the MD5 of the published file in hex; None where none is known.
        columns: columns that it must have, beside ``index``.
        labels: columns that figures are taken by.
        extra: other columns that the rule or the prompt reads.
        source: where people get it, in words that go on after "get it from".
    """

    name: str
    official: str | None
    columns: Sequence[str] = ("question", "answer")
    labels: Sequence[str] = ()
    extra: Sequence[str] = ()
    source: str = "VLMEvalKit, which downloads it into LMUData"


@dataclass(frozen=True, slots=True, kw_only=True)
class TSVItems:
    """The rows of a file; images lie in a folder beside the cache and are opened when asked for."""

    rows: Sequence[Mapping[str, str]]
    file: TSVFile
    folder: Path
    is_official: bool | None
    """Whether it is the published file, byte for byte; None where nobody knows its digest."""
    images: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, place: int, /) -> Item:
        row = self.rows[place]
        names = self.images[row["index"]]
        return Item(
            index=row["index"],
            question=row.get("question", ""),
            answer=row.get("answer", ""),
            options={letter: row[letter] for letter in _LETTERS if letter in row},
            hint=row.get("hint", ""),
            images=tuple(Media(source=self.folder / name) for name in names),
            labels={name: row[name] for name in self.file.labels if name in row},
            extra={name: row[name] for name in self.file.extra if name in row},
        )


def read_tsv(root: Path, file: TSVFile, *, cache: Path) -> TSVItems:
    """The rows of ``root/NAME.tsv``; its images are unpacked into ``cache`` once.

    Raises:
        ValueError: the file is missing, cut off, without a needed column, or not this kind of file.
    """
    path = root / f"{file.name}.tsv"
    if not path.is_file():
        raise ValueError(
            f"{path} does not exist; benchmark {file.name} expects it there. Nothing is downloaded:"
            f" get it from {file.source}, or say where it is by benchmark_root=FOLDER (or LMUData)."
        )
    digest = _digest(path)
    folder = cache / f"{file.name}-{digest[:12]}"
    table = _table(path, file)
    rows = [_texts(row) for row in table.to_dict("records")]
    return TSVItems(
        rows=rows,
        file=file,
        folder=folder,
        is_official=None if file.official is None else digest == file.official,
        images=_unpacked(path, file, folder, rows),
    )


def _table(path: Path, file: TSVFile) -> Any:
    try:
        header = list(pandas.read_csv(path, sep="\t", nrows=0).columns)
        missing = [column for column in ("index", *file.columns) if column not in header]
        if missing:
            raise ValueError(
                f"{path} has no column {missing[0]!r}; it has {', '.join(header)}. Is it the file"
                f" of {file.name}? Get it from {file.source}."
            )
        return pandas.read_csv(path, sep="\t", usecols=[c for c in header if c != _IMAGES])
    except (pandas.errors.ParserError, pandas.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise ValueError(
            f"{path} cannot be read as a table: {error}. Is it whole? Get it from {file.source}."
        ) from error


def _texts(row: Mapping[str, Any]) -> dict[str, str]:
    """The cells that hold something, as VLMEvalKit puts them into a prompt."""
    return {str(name): str(value) for name, value in row.items() if not pandas.isna(value)}


def _unpacked(
    path: Path, file: TSVFile, folder: Path, rows: Sequence[Mapping[str, str]]
) -> dict[str, list[str]]:
    """The names of each row's images in ``folder``, which is filled where it is not yet."""
    done = folder / "images.json"
    if done.is_file():
        found: dict[str, list[str]] = json.loads(done.read_text())
        return found
    folder.mkdir(parents=True, exist_ok=True)
    names: dict[str, list[str]] = {}
    shared: dict[str, str] = {}
    for index, cell in _image_cells(path, rows):
        if len(cell) <= _SHARED and cell:
            shared[index] = cell
            continue
        names[index] = [
            _write(folder / f"{_safe(index)}-{place}", text, path=path, index=index)
            for place, text in enumerate(_listed(cell))
        ]
    for index, other in shared.items():
        if other not in names:
            raise ValueError(
                f"{path}: row {index} shows the image of row {other}, which has none."
                f" Is it whole? Get it from {file.source}."
            )
        names[index] = names[other]
    partial = folder / "images.partial"
    partial.write_text(json.dumps(names))
    os.replace(partial, done)
    return names


def _image_cells(path: Path, rows: Sequence[Mapping[str, str]]) -> Iterator[tuple[str, str]]:
    """Index and image cell of each row, some rows at a time: the whole column may be gigabytes."""
    header = pandas.read_csv(path, sep="\t", nrows=0).columns
    if _IMAGES not in header:
        yield from ((row["index"], "") for row in rows)
        return
    places = iter(rows)
    for piece in pandas.read_csv(path, sep="\t", usecols=[_IMAGES], chunksize=_ROWS_AT_A_TIME):
        for cell, row in zip(piece[_IMAGES], places, strict=False):
            yield row["index"], "" if pandas.isna(cell) else str(cell)


def _listed(cell: str) -> list[str]:
    """The images of a cell: none, one, or a Python list of them."""
    if not cell:
        return []
    if cell.startswith("["):
        try:
            found = ast.literal_eval(cell)
        except (ValueError, SyntaxError):
            return [cell]
        return [str(one) for one in found]
    return [cell]


def _write(stem: Path, text: str, *, path: Path, index: str) -> str:
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(
            f"{path}: the image of row {index} is no base64 ({error}). Is the file whole?"
        ) from error
    target = stem.with_suffix(".png" if data.startswith(b"\x89PNG") else ".jpg")
    target.write_bytes(data)
    return target.name


def _safe(index: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in index)


def _digest(path: Path) -> str:
    digest = md5(usedforsecurity=False)
    with path.open("rb") as file:
        while piece := file.read(1 << 22):
            digest.update(piece)
    return digest.hexdigest()
