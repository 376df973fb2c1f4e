"""Images of prompts as bytes: whole for the record, small for a page."""

from __future__ import annotations

import io
from base64 import b64encode
from pathlib import Path

from PIL import Image

from sophia.types import Media, Prompt

_FAST = 1  # PNG compression level: lossless at any


def prompt_images(prompt: Prompt) -> tuple[bytes, ...]:
    """Each image of the prompt as the bytes of a file (PNG, unless it came as a file)."""
    return tuple(_file_bytes(media) for media in prompt.media)


def _file_bytes(media: Media) -> bytes:
    source = media.source
    if isinstance(source, bytes):
        return source
    return source.read_bytes() if isinstance(source, Path) else _encoded(source, "PNG")


def thumbnail(data: bytes, *, max_side: int) -> bytes:
    """The image as a small file: PNG when it was small already, else JPEG."""
    with Image.open(io.BytesIO(data)) as image:
        if max(image.size) <= max_side:
            return _encoded(image.convert("RGB"), "PNG")
        small = image.convert("RGB")
        small.thumbnail((max_side, max_side))
        return _encoded(small, "JPEG")


def data_uri(data: bytes) -> str:
    """What an ``<img>`` takes without a network."""
    kind = "png" if data.startswith(b"\x89PNG") else "jpeg"
    return f"data:image/{kind};base64,{b64encode(data).decode('ascii')}"


def _encoded(image: Image.Image, kind: str) -> bytes:
    buffer = io.BytesIO()
    if kind == "JPEG":
        image.save(buffer, format=kind, quality=80)
    else:
        plain = (
            image if image.mode in ("1", "L", "LA", "P", "RGB", "RGBA") else image.convert("RGB")
        )
        plain.save(buffer, format=kind, compress_level=_FAST)
    return buffer.getvalue()
