"""Short hashes by which equal prompts and equal images are found, without decoding."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path

from sophia.types import Media, Prompt

_ENDS_BYTES = 4096
_DIGEST_BYTES = 8  # 130,000 prompts collide with a chance of 5e-10


def prompt_fingerprint(prompt: Prompt, images: Iterable[bytes]) -> bytes:
    """A hash that is equal for prompts with the same texts, options and images.

    ``images`` are the fingerprints of the prompt's images, in their order.
    """
    texts = [message.text for message in prompt.messages]
    options = [f"{letter} {text}" for letter, text in prompt.options.items()]
    parts = [text.encode() for text in (*texts, *options)]
    return _digest((*parts, *images))


def image_fingerprint(media: Media) -> bytes:
    """A hash of an image's length, its first and its last 4096 bytes; the middle is not read.

    The bytes are those of the file, or the pixels of an image that is already open.
    """
    source = media.source
    if isinstance(source, Path):
        return _file_fingerprint(source)
    data = source if isinstance(source, bytes) else source.tobytes()
    return _digest((str(len(data)).encode(), data[:_ENDS_BYTES], data[-_ENDS_BYTES:]))


def _file_fingerprint(path: Path) -> bytes:
    with path.open("rb") as file:
        head = file.read(_ENDS_BYTES)
        size = file.seek(0, 2)
        file.seek(max(0, size - _ENDS_BYTES))
        return _digest((str(size).encode(), head, file.read(_ENDS_BYTES)))


def _digest(parts: Iterable[bytes]) -> bytes:
    digest = blake2b(digest_size=_DIGEST_BYTES)
    for part in parts:
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.digest()
