"""Copies of an image are near it, other images of its style are not: rates over several styles."""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sophia.benchmarks.overlap.image_index import ImageIndex
from sophia.benchmarks.overlap.sketch import Sketch, differing_bits, from_bytes, sketch_of
from sophia.benchmarks.overlap.thresholds import Thresholds
from sophia.data.images.opening import ImageError
from sophia.types import Media
from tests.benchmarks.overlap.pictures import CHANGES, STYLES, Picture, saved

PER_STYLE = 8
LOSSLESS = ("GIF", "4 times as large", "448 x 448", "JPEG, quality 95")
MARGINS_ONLY = ("4 % cropped from two sides",)
NOT_FOUND = ("grey",)


def sketch(source: Picture | bytes | Path) -> Sketch:
    made = sketch_of(Media(source=source))
    assert made is not None
    return made


@cache
def pictures(style: str) -> list[Picture]:
    """Those of a style that show anything."""
    drawn = [STYLES[style](seed) for seed in range(PER_STYLE)]
    return [picture for picture in drawn if sketch_of(Media(source=picture)) is not None]


@cache
def sketches(style: str) -> list[Sketch]:
    """Of the pictures of a style."""
    return [sketch(picture) for picture in pictures(style)]


def index(own: list[Sketch]) -> ImageIndex:
    limits = Thresholds()
    return ImageIndex(
        own,
        range(len(own)),
        max_bits=limits.max_bits,
        min_likeness=limits.min_likeness,
    )


@cache
def style_index(style: str) -> ImageIndex:
    return index(sketches(style))


def share_found(style: str, change: str) -> float:
    """Of the images of a style, the share that is found again after the change."""
    changed = [sketch_of(Media(source=CHANGES[change](picture))) for picture in pictures(style)]
    found = [
        one is not None and place in style_index(style).near([one])[0]
        for place, one in enumerate(changed)
    ]
    return sum(found) / len(found)


@pytest.mark.parametrize("change", [c for c in CHANGES if c not in (*MARGINS_ONLY, *NOT_FOUND)])
def test_a_copy_is_found(change: str) -> None:
    shares = [share_found(style, change) for style in STYLES]
    assert np.mean(shares) >= (0.99 if change in LOSSLESS else 0.96)
    assert min(shares) >= 0.8  # tiles of sky and wall: there is nearly nothing in them


@pytest.mark.parametrize("style", ["bars", "lines", "pies", "triangles", "digits"])
def test_what_is_cropped_from_margins_alone_changes_nothing(style: str) -> None:
    assert share_found(style, "4 % cropped from two sides") >= 0.96


@pytest.mark.parametrize(
    ("style", "at_most"),
    [
        ("bars", 0.002), ("lines", 0.0), ("triangles", 0.002), ("scenes", 0.0), ("digits", 0.0),
        ("photographs", 0.0),
        ("pies", 0.02),  # the same colours in the same order: nothing but the angles differs
    ],
)  # fmt: skip
def test_another_image_of_the_style_is_not_taken_for_it(style: str, at_most: float) -> None:
    own = sketches(style)
    near = style_index(style).near(own)
    others = sum(len(found.keys() - {place}) for place, found in enumerate(near))
    assert others / (len(own) * (len(own) - 1)) <= at_most


def test_images_of_different_styles_are_never_near() -> None:
    for style in STYLES:
        for other in STYLES.keys() - {style}:
            assert not any(style_index(style).near(sketches(other)))


def test_the_hash_alone_would_take_one_pie_for_another() -> None:
    bits = np.array([one.bits[0] for one in sketches("pies")])
    share = (differing_bits(bits, bits) <= Thresholds().max_bits).mean()
    assert share > 0.5


def test_differing_bits_by_hand() -> None:
    first = np.array([[0b1011, 0]], dtype=np.uint64)
    second = np.array([[0b0001, 1], [0b1011, 0]], dtype=np.uint64)
    assert differing_bits(first, second).tolist() == [[3, 0]]


@pytest.mark.parametrize("colour", ["white", "black", (200, 30, 30)])
def test_a_uniform_image_has_no_sketch(colour: object) -> None:
    plain = Image.new("RGB", (300, 200), colour)  # type: ignore[arg-type]
    assert sketch_of(Media(source=plain)) is None
    assert sketch_of(Media(source=saved(plain, "JPEG", quality=40))) is None


def test_the_source_does_not_matter(tmp_path: Path) -> None:
    picture = pictures("bars")[0]
    data = saved(picture, "PNG")
    (tmp_path / "a.png").write_bytes(data)
    first = sketch(picture)
    for other in (data, tmp_path / "a.png"):
        assert sketch(other).to_bytes() == first.to_bytes()
    assert from_bytes(first.to_bytes()).to_bytes() == first.to_bytes()


def test_of_a_large_jpeg_a_part_is_decoded_and_the_sketch_is_near() -> None:
    picture = pictures("lines")[0].resize((3200, 2400), Image.Resampling.BICUBIC)
    data = saved(picture, "JPEG", quality=90)
    assert index([sketch(picture)]).near([sketch(data)])[0].keys() == {0}


def test_an_open_image_is_left_as_it_is() -> None:
    with Image.open(io.BytesIO(saved(pictures("bars")[0].resize((1600, 1200)), "JPEG"))) as image:
        sketch(image)
        assert image.size == (1600, 1200)


def test_a_picture_taken_sideways_is_seen_upright() -> None:
    picture = pictures("bars")[0]
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise when it is shown
    data = io.BytesIO()
    picture.transpose(Image.Transpose.ROTATE_90).save(data, "JPEG", exif=exif, quality=95)
    assert index([sketch(picture)]).near([sketch(data.getvalue())])[0].keys() == {0}


@pytest.mark.parametrize("data", [b"no image", saved(Image.new("L", (90, 90)), "PNG")[:60]])
def test_a_broken_image_is_an_error(data: bytes) -> None:
    with pytest.raises(ImageError, match="cannot be used"):
        sketch_of(Media(source=data))
