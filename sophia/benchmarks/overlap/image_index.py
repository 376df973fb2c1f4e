"""Which questions of a benchmark are about an image like a given one.

Shapes: n images that are asked about, m images of the benchmark, v = 2 views of an image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sophia.benchmarks.overlap.sketch import NUM_VIEWS, Sketch, differing_bits, directions

_MOST = 50
"""So many images of the benchmark are reported as near to one, the nearest ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Near:
    """How near an image of the benchmark is to the one that was asked about."""

    bits: int
    """How many of the 128 bits of their hashes differ."""
    likeness: float
    """The correlation of their 16 x 16 pixels, in [0, 1]."""


class ImageIndex:
    """The sketches of a benchmark's images; some 6 KB for each."""

    def __init__(
        self,
        sketches: Sequence[Sketch],
        items: Sequence[int],
        *,
        max_bits: int,
        min_likeness: float,
    ) -> None:
        """Index the sketches; ``items`` says which question each belongs to."""
        self._items = np.array(items, dtype=np.int64)
        self._bits = [_hashes(sketches, view) for view in range(NUM_VIEWS)]
        self._directions = [_directions(sketches, view) for view in range(NUM_VIEWS)]
        self._max_bits = max_bits
        self._min_likeness = min_likeness

    def near(self, images: Sequence[Sketch]) -> list[dict[int, Near]]:
        """For each image the questions that are about one like it, by place in the benchmark.

        Images are near where their whole is, or what is left of both without margins.
        """
        found: list[dict[int, Near]] = [{} for _ in images]
        for view in range(NUM_VIEWS):
            self._add_near(found, images, view)
        return found

    def _add_near(
        self, found: Sequence[dict[int, Near]], images: Sequence[Sketch], view: int
    ) -> None:
        bits = differing_bits(_hashes(images, view), self._bits[view])
        candidates = bits <= self._max_bits
        rows, columns = (np.flatnonzero(candidates.any(axis=axis)) for axis in (1, 0))
        if not len(rows):
            return
        mine = _directions([images[row] for row in rows.tolist()], view)
        likeness = mine @ self._directions[view][columns].T
        likeness[~candidates[np.ix_(rows, columns)]] = -1.0
        for row, values in zip(rows.tolist(), likeness, strict=True):
            for at in np.argsort(-values, kind="stable")[:_MOST].tolist():
                if values[at] < self._min_likeness:
                    break
                one = Near(bits=int(bits[row, columns[at]]), likeness=min(float(values[at]), 1.0))
                item = int(self._items[columns[at]])
                if item not in found[row] or one.likeness > found[row][item].likeness:
                    found[row][item] = one


def _hashes(sketches: Sequence[Sketch], view: int) -> NDArray[np.uint64]:
    """(n, 2)."""
    return np.array([sketch.bits[view] for sketch in sketches], dtype=np.uint64).reshape(-1, 2)


def _directions(sketches: Sequence[Sketch], view: int) -> NDArray[np.float32]:
    """(n, 768)."""
    pixels = np.array([sketch.pixels[view] for sketch in sketches], dtype=np.uint8)
    return directions(pixels.reshape(-1, 16, 16, 3))
