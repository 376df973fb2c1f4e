"""Files with one JSON object per line, or one JSON list of them."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sophia.benchmarks.readers.cells import texts
from sophia.benchmarks.readers.image_store import first_there
from sophia.benchmarks.readers.layout import Layout, Row, listed, repeated
from sophia.benchmarks.readers.row_items import RowItems

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class JSONLines(Layout):
    """A JSONL file (or a ``.json`` file with one list) with texts and paths of images.

    Args:
        file: its name with its ending, or a path to it.
        images: the column with the path of an image, or a list of them; "" for a file of texts.
        text_rows: whether rows without an image stay in a file that has a column of images.
        folders: where the images are, relative to the file; the first folder that has one serves.
        get: how people get it, in words that end a sentence.
    """

    file: str
    index: str = ""
    images: str = ""
    text_rows: bool = False
    folders: Sequence[str] = (".", "images")
    get: str = "write it anew"

    def find(self, root: Path) -> Path | None:
        """The file below ``root``, or where its path says."""
        path = root / Path(self.file).expanduser()
        return path if path.is_file() else None

    def expected(self, root: Path) -> str:
        """Where it is looked for and how people get it."""
        return f"the file {root / Path(self.file).expanduser()}; {self.get}"

    def read(self, path: Path, *, cache: Path) -> RowItems:
        """Its rows; nothing is unpacked, so ``cache`` stays as it is.

        Raises:
            ValueError: it is empty, cut off, no JSON, of another version, or lacks an image.
        """
        rows = [texts(row) for row in self._objects(path)]
        for number, row in enumerate(rows, start=1):
            missing = [column for column in self.needed if column not in row]
            if missing:
                raise self.problem(
                    path, f"has no {missing[0]!r} in row {number} (it has {', '.join(row)})"
                )
        shown = [row for row in rows if not self.images or self.text_rows or self.images in row]
        if left_out := len(rows) - len(shown):
            log.info("%s: %d rows without an image are left out", path, left_out)
        rows = [row for row in shown if self.selects(row)]
        if not rows:
            where = f" with {dict(self.where)}" if self.where else ""
            raise self.problem(path, f"holds no row{where}")
        twice = repeated(row[self.index] for row in rows) if self.index else None
        if twice is not None:
            raise self.problem(path, f"names two rows {self.index} {twice}")
        return RowItems(
            path=path,
            is_official=None,
            layout=self,
            rows=rows,
            images=[self._shown(path, row) for row in rows],
        )

    def problem(self, path: Path, what: str) -> ValueError:
        """The error about a file: what is wrong, what was expected, how to get it."""
        columns = ", ".join(self.needed)
        return ValueError(
            f"{path} {what}; expected one JSON object per row, each with {columns}: {self.get}."
        )

    def _objects(self, path: Path) -> Iterator[dict[str, Any]]:
        try:
            text = path.read_text(encoding="utf-8")
            whole = json.loads(text) if path.suffix == ".json" else None
            found = whole if whole is not None else map(json.loads, _lines(text))
            for number, row in enumerate(found, start=1):
                if not isinstance(row, dict):
                    raise self.problem(path, f"has no JSON object in row {number}")
                yield row
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise self.problem(path, f"is cut off or no JSON ({error})") from error

    def _shown(self, path: Path, row: Row) -> tuple[Path, ...]:
        folders = [path.parent / folder for folder in self.folders]
        found = []
        for text in listed(row.get(self.images, "")):
            image = first_there(text, folders)
            if image is None:
                where = ", ".join(map(str, folders))
                raise self.problem(path, f"names the image {text}, which is in none of {where}")
            found.append(image)
        return tuple(found)


def _lines(text: str) -> list[str]:
    """Lines that hold something; ``str.splitlines`` would break at separators inside a text too."""
    return [line for line in text.split("\n") if line.strip()]
