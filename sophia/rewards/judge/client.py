"""One request to a chat-completions server: a reply, or CallFailedError with the reason."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import openai

from sophia.rewards.judge.failure import CallFailedError, describe, redact, refuses_schema
from sophia.rewards.judge.prompt import judge_messages
from sophia.rewards.judge.score import RESPONSE_FORMAT

Structured = Literal["auto", "always", "never"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is shown of one completion; ``image_urls`` are data URLs."""

    question: str
    response: str
    image_urls: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The text that came back, and what it cost."""

    text: str
    truncated: bool
    prompt_tokens: int
    completion_tokens: int


class ChatClient:
    """Sends single requests, greedily decoded; nothing is tried twice here.

    ``structured``: ``always`` asks for the score as schema-bound JSON, ``auto`` does so until the
    server says that it cannot. To be made and used inside one event loop.
    """

    def __init__(
        self,
        base_url: str,
        *,
        model: str,
        api_key: str,
        timeout_s: float,
        max_tokens: int,
        structured: Structured,
    ) -> None:
        self._openai = openai.AsyncOpenAI(
            base_url=base_url, api_key=api_key, timeout=timeout_s, max_retries=0
        )
        self._secret = api_key
        self._model = model
        self._timeout_s = timeout_s
        self._max_tokens = max_tokens
        self._may_drop_schema = structured == "auto"
        self._with_schema = structured != "never"

    async def ask(self, question: Question) -> Reply:
        """Judge one completion. Raises CallFailedError."""
        try:
            async with asyncio.timeout(self._timeout_s):  # the client's own limit is per read
                return _reply(await self._body(question))
        except TimeoutError:
            raise CallFailedError("timeout", f"no reply within {self._timeout_s:g} s") from None
        except openai.APIError as error:
            raise describe(error).without(self._secret) from None
        except CallFailedError as failure:
            raise failure.without(self._secret) from None

    async def model_names(self) -> tuple[str, ...]:
        """What the server says it serves. Raises CallFailedError."""
        try:
            async with asyncio.timeout(self._timeout_s):
                raw = await self._openai.models.with_raw_response.list()
        except TimeoutError:
            raise CallFailedError("timeout", f"no reply within {self._timeout_s:g} s") from None
        except openai.APIError as error:
            raise describe(error).without(self._secret) from None
        match _json(raw.http_response.content):
            case {"data": [*models]}:
                return tuple(str(m["id"]) for m in models if isinstance(m, dict) and "id" in m)
        raise CallFailedError("bad_body", "the list of models is not in the protocol's form")

    def redact(self, text: str) -> str:
        """The text as it may be logged: short, and without the key."""
        return redact(text, self._secret)

    async def close(self) -> None:
        """Close the connections."""
        await self._openai.close()

    async def _body(self, question: Question) -> bytes:
        if not self._with_schema:
            return await self._post(question, "answer", {})
        try:
            return await self._post(question, "json", {"response_format": RESPONSE_FORMAT})
        except openai.APIStatusError as error:
            if not (self._may_drop_schema and refuses_schema(error)):
                raise
        self._with_schema = False
        return await self._post(question, "answer", {})

    async def _post(self, question: Question, closing: str, extra: dict[str, Any]) -> bytes:
        messages: Sequence[Any] = judge_messages(
            question.question, question.response, question.image_urls, closing=closing
        )
        raw = await self._openai.chat.completions.with_raw_response.create(
            model=self._model,
            messages=messages,
            temperature=0.0,
            max_tokens=self._max_tokens,
            **extra,
        )
        content: bytes = raw.http_response.content
        return content


def _json(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):  # the server is untrusted: HTML, a cut body, anything
        start = body[:80].decode("utf-8", "replace")
        raise CallFailedError("bad_body", f"the reply is not JSON: {start!r}") from None


def _reply(body: bytes) -> Reply:
    match _json(body):
        case {"choices": [{"message": {"content": str() | None as text}, **choice}, *_], **rest}:
            usage = rest.get("usage")
            return Reply(
                text=text or "",
                truncated=choice.get("finish_reason") == "length",
                prompt_tokens=_count(usage, "prompt_tokens"),
                completion_tokens=_count(usage, "completion_tokens"),
            )
    raise CallFailedError("bad_body", "the reply is JSON, but no chat completion")


def _count(usage: object, name: str) -> int:
    value = usage.get(name) if isinstance(usage, dict) else None
    return value if isinstance(value, int) else 0
