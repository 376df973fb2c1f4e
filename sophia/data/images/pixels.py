"""How large an image is shown: whole merged patches, within a range of pixels, in one resize."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

MAX_ASPECT_RATIO = 200
_ROUNDS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelLimits:
    """How many pixels an image may have, and how many of them an image token covers.

    A token covers a square of ``factor`` x ``factor`` pixels (Qwen2.5-VL: patches of 14 pixels, 2
    x 2 of them merged, so 28).
    """

    min_pixels: int
    max_pixels: int
    factor: int = 28

    def __post_init__(self) -> None:
        if not self.factor**2 <= self.max_pixels or self.min_pixels > self.max_pixels:
            raise ValueError(
                f"min_pixels {self.min_pixels} and max_pixels {self.max_pixels} leave no size in"
                f" steps of {self.factor}: expected min_pixels <= max_pixels and max_pixels at"
                f" least {self.factor**2}."
            )

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height in pixels at which an image is shown; resizing to it once is final.

        Qwen's rule, repeated until it changes nothing: for thin images its first answer is one
        that the image processor and the engine would each resize again.

        Raises:
            ValueError: the image is too thin, or no size near it satisfies the limits.
        """
        if max(width, height) > MAX_ASPECT_RATIO * min(width, height):
            raise ValueError(
                f"{width} x {height} pixels: one side is more than {MAX_ASPECT_RATIO} times the"
                " other, which Qwen's image processor refuses"
            )
        size = (width, height)
        for _ in range(_ROUNDS):
            following = self._once(*size)
            if following == size:
                return size
            size = following
        raise ValueError(
            f"{width} x {height} pixels: no size in steps of {self.factor} has between"
            f" {self.min_pixels} and {self.max_pixels} pixels; widen the range"
        )

    def tokens(self, width: int, height: int) -> int:
        """How many tokens an image takes that has this size in pixels before it is resized.

        Raises:
            ValueError: as in ``size``.
        """
        shown = self.size(width, height)
        return shown[0] * shown[1] // self.factor**2

    def at_most(self, num_tokens: int) -> PixelLimits:
        """The same limits for an image that should take no more than ``num_tokens``.

        Never below ``min_pixels``: the image processor would enlarge the image again.
        """
        most = max(num_tokens * self.factor**2, self.min_pixels, self.factor**2)
        return replace(self, max_pixels=min(self.max_pixels, most))

    def _once(self, width: int, height: int) -> tuple[int, int]:
        """The sides rounded to steps, then scaled into the range by whole steps."""
        step, area = self.factor, width * height
        # Halves go to the even neighbour in the reference too.
        rounded = round(width / step) * step, round(height / step) * step
        if rounded[0] * rounded[1] > self.max_pixels:
            shrink = math.sqrt(area / self.max_pixels)
            return (
                max(step, math.floor(width / shrink / step) * step),
                max(step, math.floor(height / shrink / step) * step),
            )
        if rounded[0] * rounded[1] < self.min_pixels:
            grow = math.sqrt(self.min_pixels / area)
            return (
                math.ceil(width * grow / step) * step,
                math.ceil(height * grow / step) * step,
            )
        return rounded
