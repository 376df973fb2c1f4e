from __future__ import annotations

import pytest
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import smart_resize

from sophia.data.images.pixels import PixelLimits

LIMITS = PixelLimits(min_pixels=4 * 28 * 28, max_pixels=16 * 28 * 28)
SIDES = (1, 9, 13, 14, 15, 28, 42, 43, 70, 99, 112, 200, 411, 640, 1999)


def thin(width: int, height: int) -> bool:
    return max(width, height) > 200 * min(width, height)


@pytest.mark.parametrize("width", SIDES)
@pytest.mark.parametrize("height", SIDES)
def test_resizing_is_final(width: int, height: int) -> None:
    if thin(width, height):
        return
    shown = LIMITS.size(width, height)
    assert LIMITS.size(*shown) == shown
    # Qwen's own rule finds nothing left to do, also with the wider limits of a checkpoint.
    for low, high in ((LIMITS.min_pixels, LIMITS.max_pixels), (56 * 56, 12_845_056)):
        assert smart_resize(shown[1], shown[0], 28, low, high) == (shown[1], shown[0])


@pytest.mark.parametrize("width", SIDES)
@pytest.mark.parametrize("height", SIDES)
def test_sizes_are_those_of_qwen_where_qwen_is_final(width: int, height: int) -> None:
    if thin(width, height):
        return
    arguments = (28, LIMITS.min_pixels, LIMITS.max_pixels)
    once = smart_resize(height, width, *arguments)
    if smart_resize(*once, *arguments) == once:
        assert LIMITS.size(width, height) == once[::-1]


def test_sizes_on_paper() -> None:
    assert LIMITS.size(56, 84) == (56, 84)
    assert LIMITS.size(60, 80) == (56, 84)
    # 280 x 280 is 100 tokens, at most 16 are allowed: 112 x 112.
    assert LIMITS.size(280, 280) == (112, 112)
    # 28 x 28 is one token, at least 4: 56 x 56.
    assert LIMITS.size(28, 28) == (56, 56)
    assert LIMITS.tokens(280, 280) == 16


def test_a_thin_image_needs_more_than_one_round() -> None:
    # Qwen's first answer for 12 x 2000 still has more than max_pixels.
    once = smart_resize(2000, 12, 28, 28 * 28, 8 * 28 * 28)
    assert once[0] * once[1] > 8 * 28 * 28
    limits = PixelLimits(min_pixels=28 * 28, max_pixels=8 * 28 * 28)
    assert limits.size(12, 2000) == (28, 224)


def test_too_thin_images_and_impossible_limits_are_refused() -> None:
    with pytest.raises(ValueError, match="1 x 201 pixels: one side is more than 200 times"):
        LIMITS.size(1, 201)
    with pytest.raises(ValueError, match="min_pixels 9000 and max_pixels 8000 leave no size"):
        PixelLimits(min_pixels=9000, max_pixels=8000)
    with pytest.raises(ValueError, match="max_pixels at least 784"):
        PixelLimits(min_pixels=0, max_pixels=783)
    window = PixelLimits(min_pixels=5 * 784, max_pixels=5 * 784)
    with pytest.raises(ValueError, match="no size in steps of 28 has between 3920 and 3920"):
        window.size(100, 100)


def test_at_most_never_goes_below_min_pixels() -> None:
    assert LIMITS.at_most(9).max_pixels == 9 * 28 * 28
    assert LIMITS.at_most(1).max_pixels == LIMITS.min_pixels
    assert LIMITS.at_most(99) == LIMITS
