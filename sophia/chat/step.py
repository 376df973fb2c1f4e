"""The questions of one step, and one question beside all steps."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sophia.chat.failure import CallFailedError
from sophia.chat.ledger import Ledger
from sophia.chat.prices import Prices
from sophia.chat.protocol import ChatRequest, chat_requests
from sophia.chat.question import ChatQuestion, ChatReply, Reader, UnusableReplyError
from sophia.chat.session import Session
from sophia.metrics import Metric

T = TypeVar("T")


class ChatStep:
    """Asks a server as questions are handed in; see ChatModel.open_step.

    The ledger and the tasks are touched only by the session's loop until the futures are done.
    """

    def __init__(self, session: Session, *, ledger: Ledger, prices: Prices) -> None:
        self.ledger = ledger
        self._session = session
        self._prices = prices
        self._asked: dict[str, asyncio.Task[ChatReply | None]] = {}
        self._futures: list[Future[Any]] = []

    def ask(
        self, questions: Sequence[ChatQuestion], read: Reader[T]
    ) -> Future[tuple[T | None, ...]]:
        """Start asking; the deadline of all these questions counts from here.

        The future holds what ``read`` made of each reply, None where there is none. A question that
        was asked before, in this step or with its reply kept, costs no call.
        """
        future = self._session.loop.submit(self._ask_all(tuple(questions), read))
        self._futures.append(future)
        return future

    @property
    def answered(self) -> bool:
        """Whether something was asked, and nothing that was asked is open."""
        return bool(self._futures) and all(future.done() for future in self._futures)

    def metrics(self) -> dict[str, Metric]:
        """``NAME/*`` figures of the step, complete once its futures are done."""
        return self.ledger.metrics(self._prices)

    async def _ask_all(
        self, questions: Sequence[ChatQuestion], read: Reader[T]
    ) -> tuple[T | None, ...]:
        deadline = asyncio.get_running_loop().time() + self._session.calls.deadline_s
        requests = await asyncio.to_thread(chat_requests, questions)
        keys = [self._session.key(r) for r in requests if isinstance(r, ChatRequest)]
        kept = await self._session.look_up(keys, self.ledger)
        answers = (self._answer(request, kept, read, deadline) for request in requests)
        return tuple(await asyncio.gather(*answers))

    async def _answer(
        self,
        request: ChatRequest | CallFailedError,
        kept: Mapping[str, ChatReply],
        read: Reader[T],
        deadline: float,
    ) -> T | None:
        if isinstance(request, CallFailedError):
            self.ledger.calls += 1
            self.ledger.fail(request.reason, request.detail)
            return None
        key = self._session.key(request)
        if key in kept and (answer := _read_or_none(read, kept[key])) is not None:
            self.ledger.hits += 1
            return answer
        if key in self._asked:  # the same question again: one call for both
            self.ledger.hits += 1
            reply = await self._asked[key]
            return None if reply is None else _read_or_none(read, reply)
        self.ledger.calls += 1
        self._asked[key] = asyncio.create_task(self._ask(request, deadline))
        reply = await self._asked[key]
        return None if reply is None else await self._read(key, reply, read)

    async def _ask(self, request: ChatRequest, deadline: float) -> ChatReply | None:
        try:
            async with asyncio.timeout_at(deadline):
                reply = await self._session.patient.ask(
                    request, deadline=deadline, ledger=self.ledger
                )
        except TimeoutError:
            detail = f"no answer within {self._session.calls.deadline_s:g} s of the submission"
            self.ledger.fail("deadline", detail)
            return None
        except CallFailedError as failure:
            self.ledger.fail(failure.reason, failure.detail)
            return None
        self.ledger.prompt_tokens += reply.prompt_tokens
        self.ledger.completion_tokens += reply.completion_tokens
        return reply

    async def _read(self, key: str, reply: ChatReply, read: Reader[T]) -> T | None:
        try:
            answer = read(reply)
        except UnusableReplyError as unusable:
            shown = self._session.client.redact(reply.text)
            self.ledger.fail_reply(unusable.reason, f"the reply was {shown!r}")
            return None
        await self._session.keep(key, reply, self.ledger)
        return answer


def _read_or_none(read: Reader[T], reply: ChatReply) -> T | None:
    """What a reply says to this reader; None where it says nothing, though it may to another."""
    try:
        return read(reply)
    except UnusableReplyError:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe(Generic[T]):
    """What came back for one question.

    ``reason`` and ``detail`` say why there is no answer, and are empty when there is one.
    ``latency_s`` is from the question to the reply in seconds, encoding of images included.
    """

    answer: T | None
    reply: str
    reason: str
    detail: str
    latency_s: float


async def probe(session: Session, question: ChatQuestion, read: Reader[T]) -> Probe[T]:
    """Ask once, without kept replies and without a second attempt."""
    start = time.monotonic()

    def result(answer: T | None, *, reply: str, reason: str = "", detail: str = "") -> Probe[T]:
        taken = time.monotonic() - start
        return Probe(answer=answer, reply=reply, reason=reason, detail=detail, latency_s=taken)

    (request,) = await asyncio.to_thread(chat_requests, [question])
    try:
        if isinstance(request, CallFailedError):
            raise request
        reply = await session.client.ask(request)
    except CallFailedError as failure:
        return result(None, reply="", reason=failure.reason, detail=failure.detail)
    shown = session.client.redact(reply.text)
    try:
        return result(read(reply), reply=shown)
    except UnusableReplyError as unusable:
        return result(None, reply=shown, reason=unusable.reason)
