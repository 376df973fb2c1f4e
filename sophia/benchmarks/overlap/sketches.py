"""Sketches of many images: made by several threads, kept on disk, so that a second call is fast."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from PIL import Image

from sophia.benchmarks.overlap.sketch import Sketch, from_bytes, sketch_of
from sophia.data.images.opening import ImageError
from sophia.types import Media

_Item = TypeVar("_Item")

_BLOCK = 256
_AT_ONCE = 500  # SQLite takes 999 variables in a query
_NOTHING_TO_SEE = b""

Sketched = Sketch | ImageError | None
"""The sketch of an image; None for a nearly uniform one, the error for a broken one."""


def in_blocks(items: Iterable[_Item]) -> Iterator[list[_Item]]:
    """The items in lists of as many as are worth sketching together."""
    remaining = iter(items)
    while block := list(islice(remaining, _BLOCK)):
        yield block


class Sketches:
    """Makes sketches, and finds those that it made before in a SQLite file.

    A file is known by its path, size and time of change, encoded bytes by their hash; images that
    are open already are sketched each time. Broken images are tried again each time.
    """

    def __init__(self, path: Path, *, num_threads: int | None = None) -> None:
        """Open the file, made where there is none; ``num_threads`` None is one for each core."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(path, timeout=60.0)
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS sketches (key BLOB PRIMARY KEY, sketch BLOB) WITHOUT ROWID"
        )
        self._threads = ThreadPoolExecutor(num_threads or os.cpu_count())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._threads.shutdown(cancel_futures=True)
        self._database.close()

    def of(self, images: Sequence[Media]) -> list[Sketched]:
        """The sketch of each image; what is new is on disk when this returns."""
        keys = [_key(media) for media in images]
        found = dict(self._known([key for key in keys if key is not None]))
        new: dict[bytes | int, Media] = {
            place if key is None else key: media
            for place, (key, media) in enumerate(zip(keys, images, strict=True))
            if key is None or key not in found
        }
        made = dict(zip(new, self._threads.map(_sketched, new.values()), strict=True))
        self._keep(made)
        return [
            made[place] if key is None else found[key] if key in found else made[key]
            for place, key in enumerate(keys)
        ]

    def _known(self, keys: Sequence[bytes]) -> Iterator[tuple[bytes, Sketch | None]]:
        for begin in range(0, len(keys), _AT_ONCE):
            some = keys[begin : begin + _AT_ONCE]
            marks = ",".join("?" * len(some))
            query = f"SELECT key, sketch FROM sketches WHERE key IN ({marks})"
            for key, data in self._database.execute(query, some):
                yield key, None if data == _NOTHING_TO_SEE else from_bytes(data)

    def _keep(self, made: dict[bytes | int, Sketched]) -> None:
        rows = [
            (key, _NOTHING_TO_SEE if sketch is None else sketch.to_bytes())
            for key, sketch in made.items()
            if isinstance(key, bytes) and not isinstance(sketch, ImageError)
        ]
        with self._database:
            self._database.executemany("INSERT OR REPLACE INTO sketches VALUES (?, ?)", rows)


def _key(media: Media) -> bytes | None:
    """What an image is known by; None for one that is not kept."""
    match media.source:
        case bytes() as data:
            return blake2b(data, digest_size=16).digest()
        case Image.Image():
            return None
        case path:
            try:
                stat = path.stat()
            except OSError:  # the error is told where the image is opened
                return None
            known = f"{path.absolute()}\n{stat.st_size}\n{stat.st_mtime_ns}"
            return blake2b(known.encode(), digest_size=16).digest()


def _sketched(media: Media) -> Sketched:
    try:
        return sketch_of(media)
    except ImageError as error:  # images are the user's: counted and named, never the end
        return error
