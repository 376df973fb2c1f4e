"""Images of prompts as bytes: whole for the record, small for a page."""

from __future__ import annotations

import io
from base64 import b64encode

from PIL import Image

from sophia.types import Media, Prompt

_FAST = 1  # PNG compression level: lossless at any


def prompt_images(prompt: Prompt, *, max_side: int) -> tuple[bytes, ...]:
    """Each image of the prompt as the bytes of a file, with sides of at most ``max_side`` pixels.

    Images that were larger become JPEG, the others PNG.
    """
    return tuple(media_file(media, max_side=max_side) for media in prompt.media)


def opened_image(prompt: Prompt) -> Image.Image | None:
    """The first image of the prompt that is open; None without one."""
    sources = (media.source for media in prompt.media)
    return next((source for source in sources if isinstance(source, Image.Image)), None)


def media_file(media: Media, *, max_side: int) -> bytes:
    """An image, open or not, as the bytes of a file with sides of at most ``max_side`` pixels."""
    source = media.source
    if isinstance(source, Image.Image):
        return _reduced(source, max_side)
    return thumbnail(
        source if isinstance(source, bytes) else source.read_bytes(), max_side=max_side
    )


def thumbnail(data: bytes, *, max_side: int) -> bytes:
    """The bytes of an image file made anew, with sides of at most ``max_side`` pixels.

    The new file is JPEG when the image had to be made smaller, else PNG.
    """
    with Image.open(io.BytesIO(data)) as image:
        return _reduced(image, max_side)


def _reduced(image: Image.Image, max_side: int) -> bytes:
    if max(image.size) <= max_side:
        return _encoded(image, "PNG")
    small = image.convert("RGB")
    small.thumbnail((max_side, max_side))
    return _encoded(small, "JPEG")


def data_uri(data: bytes) -> str:
    """The bytes of a PNG or JPEG file as a ``data:`` URI, for pages that need no network."""
    kind = "png" if data.startswith(b"\x89PNG") else "jpeg"
    return f"data:image/{kind};base64,{b64encode(data).decode('ascii')}"


def _encoded(image: Image.Image, kind: str) -> bytes:
    buffer = io.BytesIO()
    if kind == "JPEG":
        image.save(buffer, format=kind, quality=85)
    else:
        plain = (
            image if image.mode in ("1", "L", "LA", "P", "RGB", "RGBA") else image.convert("RGB")
        )
        plain.save(buffer, format=kind, compress_level=_FAST)
    return buffer.getvalue()
