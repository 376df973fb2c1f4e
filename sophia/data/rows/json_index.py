"""Where the rows of a JSON list or a JSONL file begin and end, found without keeping the rows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

_NOT_BLANK = re.compile(r"[^ \t\r\n]")


def index_lines(path: Path) -> NDArray[np.int64]:
    """(rows, 2) the bytes of a JSONL file at which each row begins and ends, but blank lines."""
    spans: list[tuple[int, int]] = []
    begin = 0
    with path.open("rb") as file:
        for line in file:
            if line.strip():
                spans.append((begin, begin + len(line)))
            begin += len(line)
    return np.array(spans, dtype=np.int64).reshape(-1, 2)


def index_list(path: Path, *, chunk_chars: int = 1 << 20) -> NDArray[np.int64]:
    """(rows, 2) the bytes of a file with one JSON list at which each element begins and ends.

    The file is read ``chunk_chars`` characters at a time.

    Raises:
        ValueError: the file is no list, or breaks off; nothing behind the break can be read.
    """
    with path.open(encoding="utf-8") as file:
        spans = list(_ListScanner(file, path, chunk_chars).spans())
    return np.array(spans, dtype=np.int64).reshape(-1, 2)


class _ListScanner:
    """Walks a JSON list through a window of text, so that memory does not grow with the file."""

    def __init__(self, file: TextIO, path: Path, chunk_chars: int) -> None:
        self._file = file
        self._chunk_chars = chunk_chars
        self._path = path
        self._window = ""
        self._at = 0  # in the window: everything before it is done with
        self._byte = 0  # in the file
        self._decoder = json.JSONDecoder()

    def spans(self) -> Iterator[tuple[int, int]]:
        self._expect("[", "a JSON list of rows")
        if self._peek() == "]":
            return
        row = 0
        while True:
            yield self._element(row)
            row += 1
            if self._peek() != ",":
                break
            self._advance(self._at + 1)
        self._expect("]", f"',' or ']' after row {row - 1}")

    def _element(self, row: int) -> tuple[int, int]:
        self._peek()
        begin = self._byte
        while True:
            try:
                _, end = self._decoder.raw_decode(self._window, self._at)
            except json.JSONDecodeError as error:
                if self._read_more():
                    continue
                raise self._broken(f"row {row} is not JSON ({error.msg})") from error
            # A number at the edge of the window may go on behind it: wait for a delimiter.
            if end < len(self._window) or not self._read_more():
                self._advance(end)
                return begin, self._byte

    def _expect(self, character: str, what: str) -> None:
        if self._peek() != character:
            shown = self._window[self._at : self._at + 20]
            raise self._broken(f"expected {what}, got {shown!r}")
        self._advance(self._at + 1)

    def _peek(self) -> str:
        """The next character that is not blank, or "" at the end of the file."""
        while True:
            found = _NOT_BLANK.search(self._window, self._at)
            self._advance(found.start() if found else len(self._window))
            if found or not self._read_more():
                return self._window[self._at : self._at + 1]

    def _advance(self, to: int) -> None:
        self._byte += len(self._window[self._at : to].encode())
        self._at = to

    def _read_more(self) -> bool:
        left = self._window[self._at :]
        # Doubling keeps the repeated parsing of one very long row linear in its length.
        chunk = self._file.read(max(self._chunk_chars, len(left)))
        self._window, self._at = left + chunk, 0
        return bool(chunk)

    def _broken(self, reason: str) -> ValueError:
        return ValueError(
            f"{self._path}, byte {self._byte}: {reason}. A JSON file must hold one list of objects;"
            " repair it, or write one object per line and name the file .jsonl."
        )
