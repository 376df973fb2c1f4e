"""Small pictures on pages, of whatever lies in the files of others."""

from __future__ import annotations

from base64 import b64decode
from io import BytesIO

import pytest
from PIL import Image

from sophia.report.pictures import small_pictures
from sophia.types import Media


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    data = BytesIO()
    image.save(data, kind, **options)
    return data.getvalue()


def test_pictures_are_small_and_upright() -> None:
    sideways = Image.Exif()
    sideways[0x0112] = 6
    photo = encoded(Image.new("RGB", (900, 300)), "JPEG", exif=sideways)
    (shown,) = small_pictures([Media(source=photo)])
    with Image.open(BytesIO(b64decode(shown.partition(",")[2]))) as picture:
        assert picture.height == 224
        assert picture.width == pytest.approx(75, abs=1)


def test_what_cannot_be_opened_has_no_picture() -> None:
    whole = encoded(Image.new("RGB", (90, 90), (9, 9, 9)))
    header = bytearray(whole)
    header[16:20] = (1 << 20).to_bytes(4, "big")  # a million pixels wide
    header[20:24] = (1 << 20).to_bytes(4, "big")
    broken = [b"", b"no image", whole[:-40], bytes(header)]
    assert small_pictures([Media(source=data) for data in broken]) == ()
    assert len(small_pictures([Media(source=whole), Media(source=b"no image")])) == 1
