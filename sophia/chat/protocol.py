"""Questions in the form of OpenAI's chat completions, with their images encoded once."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from PIL import Image

from sophia.chat.failure import CallFailedError
from sophia.chat.media import EncodedImage, encode_image
from sophia.chat.question import ChatQuestion
from sophia.types import Media, Message

Turn = dict[str, Any]
"""One turn of a chat as the protocol has it: a ``role`` and its ``content``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """A question in the protocol's form; which wording is sent depends on what the server can do.

    ``bound`` goes together with ``response_format``; both are None where there is no such wording.
    """

    free: Sequence[Turn]
    bound: Sequence[Turn] | None
    response_format: Mapping[str, Any] | None
    content: str
    """A hash of all that is asked: texts, images, schema."""


def chat_requests(questions: Sequence[ChatQuestion]) -> list[ChatRequest | CallFailedError]:
    """The request of each question, or the failure ``media`` where an image cannot be read.

    An image that several of them show is encoded once.
    """
    images: dict[int, EncodedImage] = {}
    return [_request_or_failure(question, images) for question in questions]


def _request_or_failure(
    question: ChatQuestion, images: dict[int, EncodedImage]
) -> ChatRequest | CallFailedError:
    try:
        return _request(question, images)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        return CallFailedError("media", f"an image of the prompt: {error}")


def _request(question: ChatQuestion, images: dict[int, EncodedImage]) -> ChatRequest:
    bound = question.bound
    wordings = [question.messages, *([] if bound is None else [bound.messages])]
    named = [[_turn(m, images, by_digest=True) for m in wording] for wording in wordings]
    response_format = None if bound is None else bound.response_format
    content = json.dumps([*named, response_format], sort_keys=True)
    return ChatRequest(
        free=[_turn(message, images) for message in question.messages],
        bound=None if bound is None else [_turn(message, images) for message in bound.messages],
        response_format=response_format,
        content=sha256(content.encode("ascii")).hexdigest(),
    )


def _turn(message: Message, images: dict[int, EncodedImage], *, by_digest: bool = False) -> Turn:
    """A turn; its images as data URLs, or in a key by the digests of their files."""
    if message.role != "user" or all(isinstance(part, str) for part in message.content):
        return {"role": message.role, "content": _text(message.text)}
    parts: list[dict[str, Any]] = []
    for part in message.content:
        if isinstance(part, str):
            parts.append({"type": "text", "text": _text(part)})
        else:
            image = _encoded(part, images)
            url = image.digest if by_digest else image.url
            parts.append({"type": "image_url", "image_url": {"url": url}})
    return {"role": message.role, "content": parts}


def _text(text: str) -> str:
    return text.encode("utf-8", "replace").decode()  # lone surrogates cannot travel in JSON


def _encoded(media: Media, images: dict[int, EncodedImage]) -> EncodedImage:
    if id(media) not in images:
        images[id(media)] = encode_image(media)
    return images[id(media)]
