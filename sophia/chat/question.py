"""What a served model is asked, and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from sophia.types import Message

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundForm:
    """How a question is asked of a server that can bind its reply to a schema."""

    messages: tuple[Message, ...]
    response_format: Mapping[str, Any]
    """As OpenAI's protocol has it, such as a JSON schema."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatQuestion:
    """A chat to be answered. ``messages`` ask for the form of the reply in words."""

    messages: tuple[Message, ...]
    bound: BoundForm | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatReply:
    """The text that came back, and how many tokens the server counted for the request and for it.

    ``truncated``: the length limit cut the text. A server that counts no tokens gives zeros.
    """

    text: str
    truncated: bool = False
    prompt_tokens: int = 0
    completion_tokens: int = 0


class UnusableReplyError(ValueError):
    """The error about a reply that holds no answer to what was asked.

    Args:
        reason: why, in one of the words that failures are counted by.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


Reader = Callable[[ChatReply], T]
"""Makes an answer, never None, of a reply, or raises UnusableReplyError; what it takes is kept."""
