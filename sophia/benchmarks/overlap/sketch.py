"""What is left of an image that a copy of it has too: two difference hashes and few pixels.

The hash says whether the image gets brighter to the right, and downwards, at 64 places each: cheap
to compare, but charts of one style share most of it. The 16 x 16 pixels tell those apart.
Shapes: n sketches.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sophia.data.images.opening import open_reduced
from sophia.types import Media

NUM_BITS = 128
_SIDE = 16
_PLACES = 8
_DECODED_SIDE = 64
_HASH_BYTES = NUM_BITS // 8
_UNIFORM = 2.0
"""Standard deviation of the 16 x 16 pixels, of 255, below which an image shows too little."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sketch:
    """The sketch of one image."""

    bits: NDArray[np.uint64]  # (2,) brighter to the right, brighter downwards
    pixels: NDArray[np.uint8]  # (16, 16, 3) RGB

    def to_bytes(self) -> bytes:
        """The sketch as 784 bytes."""
        return self.bits.tobytes() + self.pixels.tobytes()


def from_bytes(data: bytes) -> Sketch:
    """The sketch that ``Sketch.to_bytes`` wrote."""
    pixels = np.frombuffer(data, np.uint8, offset=_HASH_BYTES)
    return Sketch(
        bits=np.frombuffer(data[:_HASH_BYTES], np.uint64),
        pixels=pixels.reshape(_SIDE, _SIDE, 3),
    )


def sketch_of(media: Media) -> Sketch | None:
    """The sketch of an image; None for one that is nearly uniform, which would be like any other.

    Raises:
        ImageError: it cannot be opened or decoded.
    """
    image = open_reduced(media, side=_DECODED_SIDE)
    pixels = np.asarray(image.resize((_SIDE, _SIDE), Image.Resampling.LANCZOS))
    if np.sqrt((_centred(pixels[None]) ** 2).mean()) < _UNIFORM:
        return None
    grey = image.convert("L")
    right = np.diff(_shrunk(grey, _PLACES + 1, _PLACES), axis=1) > 0
    down = np.diff(_shrunk(grey, _PLACES, _PLACES + 1), axis=0) > 0
    packed = np.packbits(np.concatenate([right.ravel(), down.ravel()]))
    return Sketch(bits=packed.view(np.uint64), pixels=pixels)


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


def _shrunk(grey: Image.Image, width: int, height: int) -> NDArray[np.int16]:
    small = grey.resize((width, height), Image.Resampling.LANCZOS)
    return np.asarray(small, dtype=np.int16)
