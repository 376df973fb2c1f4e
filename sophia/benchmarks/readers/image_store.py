"""Images that lie inside a benchmark's file, unpacked once into files of their own."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
import uuid
from collections.abc import Iterable, Sequence
from io import BytesIO
from pathlib import Path
from typing import NoReturn

from PIL import Image
from tqdm import tqdm

_ENDINGS = {b"\x89PNG": ".png", b"\xff\xd8\xff": ".jpg", b"GIF8": ".gif", b"RIFF": ".webp"}
_DONE = "images.json"
_SECONDS_BEFORE_A_BAR = 2.0


class ImageStore:
    """A folder of images that are named by their content, so that equal ones are stored once.

    Every file appears whole or not at all, and the list of what each row shows is written last:
    after a kill the work is begun anew, and what was written already is not written again.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._images = folder / "images"
        self._images.mkdir(parents=True, exist_ok=True)

    def put(self, data: bytes) -> str:
        """The name under which an encoded image is stored."""
        ending = next((e for magic, e in _ENDINGS.items() if data.startswith(magic)), ".image")
        name = hashlib.sha256(data).hexdigest()[:24] + ending
        if not (self._images / name).exists():
            replace_file(self._images / name, data)
        return name

    def path(self, name: str) -> Path:
        """Where the image of that name is."""
        return self._images / name

    def finish(self, names: Sequence[Sequence[str]]) -> None:
        """Write down which images each row shows: everything is there."""
        replace_file(self.folder / _DONE, json.dumps(names).encode())

    def finished(self) -> list[list[str]] | None:
        """The names of each row's images; None where not everything is there."""
        done = self.folder / _DONE
        if not done.is_file():
            return None
        names: list[list[str]] = json.loads(done.read_text())
        return names


def replace_file(path: Path, data: bytes) -> None:
    """Write a file that is never seen half written, also by processes that write the same."""
    partial = partial_of(path)
    partial.write_bytes(data)
    os.replace(partial, path)


def partial_of(path: Path) -> Path:
    """A name beside a file that no other process writes to, on whichever machine."""
    return path.with_name(f"{path.name}.{uuid.uuid4().hex[:12]}.partial")


def decoded(text: str) -> bytes:
    """The image that base64 text stands for; a data address is taken too.

    Raises:
        ValueError: it is no base64, or not all of it.
    """
    if text.startswith("data:"):
        text = text.partition(",")[2]
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except binascii.Error as error:
        raise ValueError(f"its base64 cannot be decoded ({error})") from error


def is_whole(data: bytes) -> bool:
    """Whether an encoded image can be decoded to its last line, or is too large to be tried."""
    try:
        with Image.open(BytesIO(data)) as image:
            image.load()
    except Image.DecompressionBombError:
        return True
    except (OSError, SyntaxError, ValueError):
        return False
    return True


def first_there(text: str, folders: Iterable[Path]) -> Path | None:
    """The file that a path names below the first folder where there is one."""
    return next((folder / text for folder in folders if (folder / text).is_file()), None)


def progress(title: str, total: int, unit: str) -> tqdm[NoReturn]:
    """A bar on a terminal's standard error, for what turns out to take a few seconds."""
    return tqdm(
        total=total, desc=title, unit=unit, unit_scale=True, leave=False, disable=None,
        delay=_SECONDS_BEFORE_A_BAR,
    )  # fmt: skip


def digest_of(paths: Sequence[Path]) -> str:
    """The MD5 of files, one after another, in hex."""
    digest = hashlib.md5(usedforsecurity=False)
    size = sum(path.stat().st_size for path in paths)
    with progress("checking the digest", size, "B") as bar:
        for path in paths:
            with path.open("rb") as file:
                while piece := file.read(1 << 22):
                    digest.update(piece)
                    bar.update(len(piece))
    return digest.hexdigest()
