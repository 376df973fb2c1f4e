"""Images reach the judge as what they are."""

from __future__ import annotations

from base64 import b64decode
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from sophia.chat.media import encode_image
from sophia.types import Media
from tests.rewards.judge_builders import image


def file_of(format: str, mode: str = "RGB") -> bytes:
    buffer = BytesIO()
    image().convert(mode).save(buffer, format=format)
    return buffer.getvalue()


def content(url: str) -> tuple[str, bytes]:
    head, data = url.split(";base64,")
    return head, b64decode(data)


@pytest.mark.parametrize(("format", "mime"), [("PNG", "image/png"), ("JPEG", "image/jpeg")])
def test_web_files_go_unchanged(format: str, mime: str, tmp_path: Path) -> None:
    data = file_of(format)
    (tmp_path / "a").write_bytes(data)
    from_bytes = encode_image(Media(source=data))
    assert content(from_bytes.url) == (f"data:{mime}", data)
    assert from_bytes.digest == sha256(data).hexdigest()
    assert encode_image(Media(source=tmp_path / "a")) == from_bytes


@pytest.mark.parametrize(("format", "mode"), [("BMP", "RGB"), ("TIFF", "CMYK"), ("WEBP", "RGBA")])
def test_other_files_become_png(format: str, mode: str) -> None:
    head, data = content(encode_image(Media(source=file_of(format, mode))).url)
    assert head == "data:image/png"
    assert Image.open(BytesIO(data)).size == (8, 8)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "CMYK", "F", "I"])
def test_opened_images_become_png(mode: str) -> None:
    head, data = content(encode_image(Media(source=image().convert(mode))).url)
    assert head == "data:image/png"
    assert Image.open(BytesIO(data)).size == (8, 8)


def test_other_pixels_have_another_digest() -> None:
    red, blue = (encode_image(Media(source=image(c))) for c in ("red", "blue"))
    assert red.digest != blue.digest
