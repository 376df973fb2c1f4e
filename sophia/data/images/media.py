"""The images of a row, as references: path, bytes, struct or PIL image, one or a list of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from sophia.data.rows.row_error import Origin, row_error
from sophia.types import Media

MARKER = "<image>"


def parse_images(value: Any, *, root: Path, origin: Origin, column: str) -> tuple[Media, ...]:
    """References to the images that a cell names; an empty cell (None, "", []) has none.

    Relative paths begin at ``root``.

    Raises:
        RowError: an entry is no image, or an address that would have to be downloaded.
    """
    if _is_empty(value):
        return ()
    items = value if isinstance(value, list | tuple) else (value,)
    return tuple(_parse_image(item, root, origin, column) for item in items)


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, str | list | tuple) and len(value) == 0)


def _parse_image(item: Any, root: Path, origin: Origin, column: str) -> Media:
    match item:
        case str() if item:
            return Media(source=_local_path(item, root, origin, column))
        case bytes() if item:
            return Media(source=item)
        case Image.Image():
            return Media(source=item)
        case {"bytes": bytes(data)} if data:
            return Media(source=data)
        case {"path": str(path)} if path:
            return Media(source=_local_path(path, root, origin, column))
    raise row_error(
        origin,
        column,
        f"an image is {_shown(item)}",
        "Expected a path, encoded bytes, a PIL image, or {'bytes': ..., 'path': ...} with one of"
        " them set",
    )


def _local_path(path: str, root: Path, origin: Origin, column: str) -> Path:
    if re.match(r"(https?|s3|hf|data):", path):
        raise row_error(
            origin,
            column,
            f"the image {path[:60]!r} is not a local file",
            "Nothing is downloaded while training: fetch the images first and map their paths",
        )
    return root / path


def _shown(item: Any) -> str:
    if isinstance(item, dict):
        return "a struct " + str({key: type(value).__name__ for key, value in item.items()})
    return f"{type(item).__name__} {str(item)[:40]!r}"


def place_images(
    text: str, images: Sequence[Media], *, origin: Origin, column: str
) -> tuple[str | Media, ...]:
    """The text with every marker ``<image>`` replaced by the image it stands for.

    Without markers the images come first. Without images a marker is plain text: 2.5 % of some
    text-only sets hold one (markup, HTML).

    Raises:
        RowError: there are markers, but not as many as images.
    """
    if not images:
        return (text,)
    pieces = text.split(MARKER)
    if len(pieces) == 1:
        return (*images, text)
    if len(pieces) - 1 != len(images):
        raise row_error(
            origin,
            column,
            f"{len(pieces) - 1} markers {MARKER} for {len(images)} image(s)",
            f"Write one {MARKER} per image, or none to put all images in front",
        )
    content: list[str | Media] = [pieces[0]]
    for image, piece in zip(images, pieces[1:], strict=True):
        content += [image, piece]
    return tuple(part for part in content if part != "")
