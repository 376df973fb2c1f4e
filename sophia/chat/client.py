"""One request to a chat-completions server: a reply, or CallFailedError with the reason.

Nothing here knows what is asked, nor what is made of the reply.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any, Literal

import openai

from sophia.chat.failure import CallFailedError, describe, redact, refuses_schema
from sophia.chat.protocol import ChatRequest
from sophia.chat.question import ChatReply

Structured = Literal["auto", "always", "never"]


class ChatClient:
    """Sends single requests; nothing is tried twice here.

    To be used inside one event loop.

    Args:
        base_url: the server's ``.../v1`` address; see :func:`sophia.chat.url.base_url`.
        model: the name under which the server serves the model.
        api_key: sent as the bearer token; ``***`` stands for it in every failure.
        timeout_s: limit of one request in seconds, from sending it to the end of the reply.
        max_tokens: length limit of a reply in tokens.
        temperature: what replies are sampled at; 0 decodes greedily.
        structured: whether replies are bound to the request's schema: ``always``, ``never``, or
            ``auto``, which does so until the server says that it cannot.
    """

    def __init__(
        self,
        base_url: str,
        *,
        model: str,
        api_key: str,
        timeout_s: float,
        max_tokens: int,
        temperature: float,
        structured: Structured,
    ) -> None:
        self._openai = openai.AsyncOpenAI(
            base_url=base_url, api_key=api_key, timeout=timeout_s, max_retries=0
        )
        self._secret = api_key
        self._model = model
        self._timeout_s = timeout_s
        self._max_tokens = max_tokens
        self._temperature = temperature
        self._may_drop_schema = structured == "auto"
        self._with_schema = structured != "never"

    async def ask(self, request: ChatRequest) -> ChatReply:
        """The model's reply to one chat. Raises CallFailedError when none came."""
        try:
            async with asyncio.timeout(self._timeout_s):  # the client's own limit is per read
                return _reply(await self._body(request))
        except TimeoutError:
            raise CallFailedError("timeout", f"no reply within {self._timeout_s:g} s") from None
        except openai.APIError as error:
            raise describe(error).without(self._secret) from None
        except CallFailedError as failure:
            raise failure.without(self._secret) from None

    async def model_names(self) -> tuple[str, ...]:
        """The names of the models that the server lists. Raises CallFailedError."""
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
        """Close all connections to the server."""
        await self._openai.close()

    async def _body(self, request: ChatRequest) -> bytes:
        if not self._with_schema or request.bound is None:
            return await self._post(request.free)
        try:
            return await self._post(request.bound, response_format=request.response_format)
        except openai.APIStatusError as error:
            if not (self._may_drop_schema and refuses_schema(error)):
                raise
        self._with_schema = False
        return await self._post(request.free)

    async def _post(self, messages: Sequence[Any], **extra: Any) -> bytes:
        raw = await self._openai.chat.completions.with_raw_response.create(
            model=self._model,
            messages=messages,
            temperature=self._temperature,
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


def _reply(body: bytes) -> ChatReply:
    match _json(body):
        case {"choices": [{"message": {"content": str() | None as text}, **choice}, *_], **rest}:
            usage = rest.get("usage")
            return ChatReply(
                text=text or "",
                truncated=choice.get("finish_reason") == "length",
                prompt_tokens=_count(usage, "prompt_tokens"),
                completion_tokens=_count(usage, "completion_tokens"),
            )
    raise CallFailedError("bad_body", "the reply is JSON, but no chat completion")


def _count(usage: object, name: str) -> int:
    value = usage.get(name) if isinstance(usage, dict) else None
    return value if isinstance(value, int) else 0
