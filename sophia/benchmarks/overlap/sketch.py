"""What is left of an image that a copy of it has too: difference hashes and few pixels.

A hash says whether the image gets brighter to the right, and downwards, at 64 places each: cheap
to compare, but charts of one style share most of it. The 16 x 16 pixels tell those apart. Both are
taken twice: of the whole image, and of what is left without its margins, since these are what
people crop. Shapes: n sketches, v = 2 views of an image.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops

from sophia.data.images.opening import open_reduced
from sophia.types import Media

NUM_BITS = 128
NUM_VIEWS = 2
_SIDE = 16
_PLACES = 8
_DECODED_SIDE = 192
_HASH_BYTES = NUM_VIEWS * NUM_BITS // 8
_MARGIN = 0.25
"""The margin is what differs from the corner by less than this share of the most that any does."""
_UNIFORM = 2.0
"""Standard deviation of the 16 x 16 pixels, of 255, below which an image shows too little."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sketch:
    """The sketch of one image; the views are the whole image and the image without margins."""

    bits: NDArray[np.uint64]  # (v, 2) brighter to the right, brighter downwards
    pixels: NDArray[np.uint8]  # (v, 16, 16, 3) RGB

    def to_bytes(self) -> bytes:
        """The sketch as 1,568 bytes."""
        return self.bits.tobytes() + self.pixels.tobytes()


def from_bytes(data: bytes) -> Sketch:
    """The sketch that ``Sketch.to_bytes`` wrote."""
    pixels = np.frombuffer(data, np.uint8, offset=_HASH_BYTES)
    return Sketch(
        bits=np.frombuffer(data[:_HASH_BYTES], np.uint64).reshape(NUM_VIEWS, 2),
        pixels=pixels.reshape(NUM_VIEWS, _SIDE, _SIDE, 3),
    )


def sketch_of(media: Media) -> Sketch | None:
    """The sketch of an image; None for one that is nearly uniform, which would be like any other.

    Raises:
        ImageError: it cannot be opened or decoded.
    """
    whole = open_reduced(media, side=_DECODED_SIDE)
    views = (whole, _without_margins(whole))
    pixels = np.stack(
        [np.asarray(view.resize((_SIDE, _SIDE), Image.Resampling.LANCZOS)) for view in views]
    )
    if np.sqrt((_centred(pixels[:1]) ** 2).mean()) < _UNIFORM:
        return None
    return Sketch(bits=np.stack([_hash(view.convert("L")) for view in views]), pixels=pixels)


def differing_bits(
    first: NDArray[np.uint64],  # (n, 2)
    second: NDArray[np.uint64],  # (m, 2)
) -> NDArray[np.uint8]:
    """(n, m): in how many of the 128 bits each of the first differs from each of the second."""
    counts = np.bitwise_count(first[:, None, 0] ^ second[None, :, 0])
    counts += np.bitwise_count(first[:, None, 1] ^ second[None, :, 1])
    return np.asarray(counts, dtype=np.uint8)


def directions(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:  # (n, 16, 16, 3)
    """(n, 768) of length 1 whose dot products are likenesses: correlations in [-1, 1].

    They are of brightness and of two differences of colours, each around its mean, so that a
    change of brightness or contrast is none, and that wedges of other colours are not alike.
    """
    flat = _centred(pixels).reshape(len(pixels), -1)
    lengths = np.linalg.norm(flat, axis=1, keepdims=True)
    return np.asarray(flat / np.maximum(lengths, 1e-6), dtype=np.float32)


def _centred(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    rgb = pixels.astype(np.float32)
    brightness = rgb.mean(axis=-1)
    channels = (brightness, rgb[..., 0] - rgb[..., 1], rgb[..., 2] - brightness)
    stacked = np.stack(channels, axis=-1)
    return np.asarray(stacked - stacked.mean(axis=(1, 2), keepdims=True), dtype=np.float32)


def _hash(grey: Image.Image) -> NDArray[np.uint64]:
    """(2,)."""
    right = np.diff(_shrunk(grey, _PLACES + 1, _PLACES), axis=1) > 0
    down = np.diff(_shrunk(grey, _PLACES, _PLACES + 1), axis=0) > 0
    return np.packbits(np.concatenate([right.ravel(), down.ravel()])).view(np.uint64)


def _shrunk(grey: Image.Image, width: int, height: int) -> NDArray[np.int16]:
    small = grey.resize((width, height), Image.Resampling.LANCZOS)
    return np.asarray(small, dtype=np.int16)


def _without_margins(image: Image.Image) -> Image.Image:
    """The image without what has the colour of its first corner all around it."""
    corner = image.resize((1, 1), Image.Resampling.NEAREST, box=(0, 0, 1, 1))
    away = ImageChops.difference(image, corner.resize(image.size)).convert("L")
    least = _MARGIN * float(np.asarray(away).max())
    box = away.point(lambda level: 255 * (level > least)).getbbox()
    return image if box is None else image.crop(box)
