"""Images as the data URLs that chat servers take."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from pathlib import Path

from PIL import Image

from sophia.types import Media

_SIGNATURES = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}
_PNG_MODES = {"1", "L", "LA", "P", "RGB", "RGBA"}
_FAST = 1  # PNG compression level: lossless at any, and the training step waits for this one


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedImage:
    """An image as a ``data:`` URL, and the SHA-256 in hex of the file inside it."""

    url: str
    digest: str


def encode_image(media: Media) -> EncodedImage:
    """The image as a ``data:`` URL: PNG and JPEG files unchanged, everything else as PNG.

    Raises:
        OSError: the file cannot be read, or is no image.
    """
    data = _file_bytes(media.source)
    mime = next((m for magic, m in _SIGNATURES.items() if data.startswith(magic)), None)
    if mime is None:
        with Image.open(BytesIO(data)) as image:
            data, mime = _png(image), "image/png"
    url = f"data:{mime};base64,{b64encode(data).decode('ascii')}"
    return EncodedImage(url=url, digest=sha256(data).hexdigest())


def _file_bytes(source: Path | bytes | Image.Image) -> bytes:
    if isinstance(source, bytes):
        return source
    return source.read_bytes() if isinstance(source, Path) else _png(source)


def _png(image: Image.Image) -> bytes:
    buffer = BytesIO()
    plain = image if image.mode in _PNG_MODES else image.convert("RGB")
    plain.save(buffer, format="PNG", compress_level=_FAST)
    return buffer.getvalue()
