"""Opening images: once, in a loader worker, to the exact RGB pixels that everybody then sees."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageOps

from sophia.data.images.pixels import PixelLimits
from sophia.data.rows.row_error import origin_of, row_error
from sophia.types import Media, Prompt

_ORIENTATION = 0x0112
_SIDEWAYS = frozenset({5, 6, 7, 8})
_WHITE = (255, 255, 255, 255)
_LAST_BYTES = {"PNG": b"IEND", "JPEG": b"\xff\xd9"}
_TAIL_BYTES = 64
_UNUSABLE = (
    "Repair or replace the image (paths begin at `image_root`), or leave such rows out by"
    " data.train.on_bad_row=skip"
)
_BROKEN_INSIDE = (
    "Repair or replace the image, or leave the row out: `python -m sophia check"
    " decode_images=true` lists all such rows in its refused.csv, which data.train.exclude takes"
)


class ImageError(ValueError):
    """An image that cannot be opened or shown."""


def open_media(prompt: Prompt, *, min_pixels: int, max_pixels: int, factor: int = 28) -> Prompt:
    """The prompt with every image decoded, upright, RGB and resized once.

    The image processor and the engine find nothing left to resize: sides in pixels are multiples
    of ``factor`` (patch size times merge size) and the area is within the limits.

    Raises:
        RowError: an image is missing, broken or too thin; names file and row of the prompt.
    """
    limits = PixelLimits(min_pixels=min_pixels, max_pixels=max_pixels, factor=factor)
    return show_media(prompt, (limits,) * len(prompt.media))


def show_media(prompt: Prompt, limits: tuple[PixelLimits, ...]) -> Prompt:
    """Like ``open_media``, with limits of its own for each image, in the order of reading."""
    remaining = iter(limits)
    with _named(prompt, _BROKEN_INSIDE):
        messages = tuple(
            replace(
                message,
                content=tuple(
                    replace(part, source=open_image(part, next(remaining)))
                    if isinstance(part, Media)
                    else part
                    for part in message.content
                ),
            )
            for message in prompt.messages
        )
    return replace(prompt, messages=messages)


def media_sizes(prompt: Prompt) -> tuple[tuple[int, int], ...]:
    """Width and height in pixels of every image as it will stand upright, from file headers.

    Raises:
        RowError: an image cannot be opened.
    """
    with _named(prompt, _UNUSABLE):
        return tuple(image_size(media) for media in prompt.media)


def check_media(prompt: Prompt) -> None:
    """See that every image of a prompt is there, is one, and does not break off.

    Only its header and its last bytes are read, unless these look odd; then it is decoded.

    Raises:
        RowError: an image is missing, none, or breaks off; names file and row of the prompt.
    """
    with _named(prompt, _UNUSABLE):
        for media in prompt.media:
            with _lazily_opened(media) as image:
                if not _ends_well(media.source, image.format):
                    image.load()


def open_image(media: Media, limits: PixelLimits) -> Image.Image:
    """One image as RGB: EXIF orientation applied, transparency laid on white, resized.

    Raises:
        ImageError: it cannot be opened, decoded or shown.
    """
    with _lazily_opened(media) as image:
        rgb = _to_rgb(ImageOps.exif_transpose(image))
        size = limits.size(*rgb.size)
        return rgb if rgb.size == size else rgb.resize(size, Image.Resampling.BICUBIC)


def open_upright(media: Media) -> Image.Image:
    """One image as upright RGB in its own size.

    Raises:
        ImageError: it cannot be opened or decoded.
    """
    with _lazily_opened(media) as image:
        return _to_rgb(ImageOps.exif_transpose(image))


def open_reduced(media: Media, *, side: int) -> Image.Image:
    """One image as upright RGB, made smaller by whole factors while no side falls below ``side``.

    For those that look at few pixels: of a large JPEG a fraction alone is decoded.

    Raises:
        ImageError: it cannot be opened or decoded.
    """
    with _lazily_opened(media) as image:
        if not isinstance(media.source, Image.Image):  # that one may be looked at by others
            image.draft(None, (side, side))
        rgb = _to_rgb(ImageOps.exif_transpose(image))
        return rgb.reduce((max(1, rgb.width // side), max(1, rgb.height // side)))


def image_size(media: Media) -> tuple[int, int]:
    """Width and height in pixels of an image as it will stand upright, without decoding it.

    Raises:
        ImageError: it cannot be opened.
    """
    with _lazily_opened(media) as image:
        width, height = image.size
        # Asking a PNG without the key for its EXIF would decode it.
        has_exif = "exif" in image.info or image.format in {"JPEG", "TIFF", "MPO"}
        sideways = has_exif and image.getexif().get(_ORIENTATION) in _SIDEWAYS
        return (height, width) if sideways else (width, height)


def _ends_well(source: Path | bytes | Image.Image, file_format: str | None) -> bool:
    """Whether the last bytes of an image are those that its format ends with."""
    if isinstance(source, Image.Image):
        return True
    mark = _LAST_BYTES.get(file_format or "")
    return mark is not None and mark in _tail(source)


def _tail(source: Path | bytes) -> bytes:
    if isinstance(source, bytes):
        return source[-_TAIL_BYTES:]
    with source.open("rb") as file:
        file.seek(-min(_TAIL_BYTES, source.stat().st_size), os.SEEK_END)
        return file.read()


@contextmanager
def _lazily_opened(media: Media) -> Iterator[Image.Image]:
    """The image with only its header read; PIL's many ways to fail become one."""
    source = media.source
    try:
        if isinstance(source, Image.Image):
            yield source
            return
        with Image.open(BytesIO(source) if isinstance(source, bytes) else source) as image:
            yield image
    except FileNotFoundError as error:
        raise ImageError(f"there is no file {source!s}") from error
    # PIL raises all of these on broken files (SyntaxError for PNG chunks).
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        shown = f"of {len(source)} bytes" if isinstance(source, bytes) else str(source)
        raise ImageError(f"the image {shown} cannot be used ({error})") from error


@contextmanager
def _named(prompt: Prompt, remedy: str) -> Iterator[None]:
    try:
        yield
    except ImageError as error:
        origin = origin_of(prompt)
        raise row_error(origin, prompt.column("images"), str(error), remedy) from error


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):
        # PIL's own conversion clips 16-bit greys at 255: nearly everything turns white.
        image = image.point(lambda grey: grey / 256).convert("L")
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", layer.size, _WHITE), layer)
    return image if image.mode == "RGB" else image.convert("RGB")
