"""A model behind an OpenAI-compatible server: many questions at once, each answered or counted."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from sophia.chat.breaker import Breaker
from sophia.chat.calls import CallSettings, PatientClient
from sophia.chat.client import ChatClient
from sophia.chat.failure import CallFailedError, ServerDown
from sophia.chat.ledger import Ledger
from sophia.chat.loop import LoopThread
from sophia.chat.prices import Prices
from sophia.chat.protocol import ChatRequest, chat_requests
from sophia.chat.question import ChatQuestion, ChatReply, Reader, UnusableReplyError
from sophia.chat.replies import Replies
from sophia.chat.url import base_url
from sophia.metrics import Metric

_NO_KEY = "EMPTY"  # the client refuses to send none; servers without a key take any

T = TypeVar("T")


class ChatModel:
    """A served model that is asked step by step.

    Threads, connections and the cache's file are opened by the first step, not by building it.

    Args:
        name: what it is for, as in ``judge``: the prefix of its metrics and of its settings.
        url: the server: host, ``.../v1`` base, or full ``.../v1/chat/completions`` address.
        model: the name under which the server serves the model.
        api_key: sent as the bearer token, and never logged; empty for a server without one.
        cache_path: file that keeps replies over processes and runs; None for no cache.
        calls: limits of the calls, in number and in time.
        breaker: decides when a failing server stops the run.
        prices: what tokens cost.
    """

    def __init__(
        self,
        name: str,
        *,
        url: str,
        model: str,
        api_key: str,
        cache_path: str | Path | None,
        calls: CallSettings,
        breaker: Breaker,
        prices: Prices,
    ) -> None:
        self.name = name
        self.url = base_url(url, name=name)
        self.model = model
        self._api_key = api_key or _NO_KEY
        self._cache_path = None if cache_path is None else Path(cache_path).expanduser()
        self._calls = calls
        self._breaker = breaker
        self._prices = prices
        self._session: _Session | None = None
        self._unrecorded: list[ChatStep] = []

    def open_step(self) -> ChatStep:
        """Start a step; steps whose questions are all answered count for the breaker from here on.

        Raises:
            ServerDown: the steps before have shown that the server is down for good.
        """
        for step in [step for step in self._unrecorded if step.answered]:
            self._breaker.record(step.ledger)
            self._unrecorded.remove(step)
        verdict = self._breaker.verdict()
        if verdict is not None:
            raise ServerDown(self._stop_message(verdict))
        step = ChatStep(self._open(), ledger=Ledger(self.name), prices=self._prices)
        self._unrecorded.append(step)
        return step

    def probe(self, question: ChatQuestion, read: Reader[T]) -> Probe[T]:
        """Ask once, without the cache and whatever the breaker says."""
        session = self._open()
        return session.loop.submit(_probe(session, question, read)).result()

    def model_names(self) -> tuple[str, ...]:
        """The models that the server lists. Raises CallFailedError."""
        session = self._open()
        return session.loop.submit(session.client.model_names()).result()

    def close(self) -> None:
        """Cancel calls in flight; close connections, thread and cache."""
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def _open(self) -> _Session:
        if self._session is None:
            # The cache first: if its file is no good, nothing else is open yet.
            path = self._cache_path
            replies = None if path is None else Replies(path, name=self.name)
            client = ChatClient(
                self.url,
                model=self.model,
                api_key=self._api_key,
                timeout_s=self._calls.timeout_s,
                max_tokens=self._calls.max_tokens,
                structured=self._calls.structured,
            )
            patient = PatientClient(client, settings=self._calls, jitter=random.Random())
            self._session = _Session(
                loop=LoopThread(self.name), client=client, patient=patient, replies=replies,
                model=self.model, max_tokens=self._calls.max_tokens,
                deadline_s=self._calls.deadline_s,
            )  # fmt: skip
        return self._session

    def _stop_message(self, verdict: str) -> str:
        return (
            f"The {self.name} at {self.url} (model {self.model!r}) {verdict}. See what is wrong"
            " with `python -m sophia judge-check`, then continue with resume=true. How long a run"
            f" may train without it is set by {self.name}.breaker.max_fail_rate and"
            f" {self.name}.breaker.window_steps."
        )


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


async def _probe(session: _Session, question: ChatQuestion, read: Reader[T]) -> Probe[T]:
    start = time.monotonic()

    def result(answer: T | None, reply: str, reason: str, detail: str) -> Probe[T]:
        taken = time.monotonic() - start
        return Probe(answer=answer, reply=reply, reason=reason, detail=detail, latency_s=taken)

    try:
        (request,) = await asyncio.to_thread(chat_requests, [question])
        reply = await session.client.ask(request)
    except CallFailedError as failure:
        return result(None, "", failure.reason, failure.detail)
    shown = session.client.redact(reply.text)
    try:
        return result(read(reply), shown, "", "")
    except UnusableReplyError as unusable:
        return result(None, shown, unusable.reason, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Session:
    """What a model holds open while it is in use: a thread, connections, the cache's file."""

    loop: LoopThread
    client: ChatClient
    patient: PatientClient
    replies: Replies | None
    model: str
    max_tokens: int
    deadline_s: float

    def key(self, request: ChatRequest) -> str:
        return f"{self.model}/{self.max_tokens}/{request.key}"

    async def look_up(self, keys: Sequence[str], ledger: Ledger) -> dict[str, ChatReply]:
        """The replies in the cache, by key; an access that fails is counted and finds none."""
        if self.replies is None:
            return {}
        try:
            return await asyncio.to_thread(self.replies.get, keys)
        except sqlite3.Error as error:
            ledger.cache_fails(error)
            return {}

    async def store(self, replies: Mapping[str, ChatReply], ledger: Ledger) -> None:
        """Keep replies that held an answer. Failures are not kept: they may succeed next time."""
        if self.replies is None or not replies:
            return
        try:
            await asyncio.to_thread(self.replies.put, replies)
        except sqlite3.Error as error:
            ledger.cache_fails(error)

    def close(self) -> None:
        """Cancel the calls in flight, then close connections, thread and cache."""
        self.loop.cancel_running()
        self.loop.submit(self.client.close()).result()
        self.loop.close()
        if self.replies is not None:
            self.replies.close()


class ChatStep:
    """The questions of one step; see ChatModel.open_step.

    The ledger and the tasks are touched only by the session's loop until the futures are done.
    """

    def __init__(self, session: _Session, *, ledger: Ledger, prices: Prices) -> None:
        self.ledger = ledger
        self._session = session
        self._prices = prices
        self._asked: dict[str, asyncio.Task[ChatReply | None]] = {}
        self._futures: list[Future[object]] = []

    def ask(
        self, questions: Sequence[ChatQuestion], read: Reader[T]
    ) -> Future[tuple[T | None, ...]]:
        """Start asking; the deadline of all these questions counts from here.

        The future holds what ``read`` made of each reply, None where there is none.
        """
        future = self._session.loop.submit(self._ask_all(tuple(questions), read))
        self._futures.append(future)  # type: ignore[arg-type]
        return future

    @property
    def answered(self) -> bool:
        """Whether no question is open; True before the first."""
        return all(future.done() for future in self._futures)

    def metrics(self) -> dict[str, Metric]:
        """``NAME/*`` figures of the step, complete once its futures are done."""
        return self.ledger.metrics(self._prices)

    async def _ask_all(
        self, questions: Sequence[ChatQuestion], read: Reader[T]
    ) -> tuple[T | None, ...]:
        deadline = asyncio.get_running_loop().time() + self._session.deadline_s
        try:
            requests = await asyncio.to_thread(chat_requests, questions)
        except CallFailedError as failure:
            for _ in questions:
                self.ledger.calls += 1
                self.ledger.fail(failure.reason, failure.detail)
            return (None,) * len(questions)
        keys = [self._session.key(request) for request in requests]
        known = await self._session.look_up(keys, self.ledger)
        fresh: dict[str, ChatReply] = {}
        answers = await asyncio.gather(
            *(
                self._answer(key, request, known.get(key), read, deadline, fresh)
                for key, request in zip(keys, requests, strict=True)
            )
        )
        await self._session.store(fresh, self.ledger)
        return tuple(answers)

    async def _answer(
        self,
        key: str,
        request: ChatRequest,
        known: ChatReply | None,
        read: Reader[T],
        deadline: float,
        fresh: dict[str, ChatReply],
    ) -> T | None:
        if known is not None and (answer := _read_or_none(read, known)) is not None:
            self.ledger.hits += 1
            return answer
        first = key not in self._asked
        if first:
            self.ledger.calls += 1
            self._asked[key] = asyncio.create_task(self._ask(request, deadline))
        else:  # the same question again: one call for both
            self.ledger.hits += 1
        reply = await self._asked[key]
        if reply is None:
            return None
        try:
            answer = read(reply)
        except UnusableReplyError as unusable:
            if first:
                shown = self._session.client.redact(reply.text)
                self.ledger.fail_reply(unusable.reason, f"the reply was {shown!r}")
            return None
        fresh[key] = reply
        return answer

    async def _ask(self, request: ChatRequest, deadline: float) -> ChatReply | None:
        try:
            async with asyncio.timeout_at(deadline):
                reply = await self._session.patient.ask(
                    request, deadline=deadline, ledger=self.ledger
                )
        except TimeoutError:
            detail = f"no answer within {self._session.deadline_s:g} s of the submission"
            self.ledger.fail("deadline", detail)
            return None
        except CallFailedError as failure:
            self.ledger.fail(failure.reason, failure.detail)
            return None
        self.ledger.prompt_tokens += reply.prompt_tokens
        self.ledger.completion_tokens += reply.completion_tokens
        return reply


def _read_or_none(read: Reader[T], reply: ChatReply) -> T | None:
    """What a kept reply says to this reader; None where another reader had taken it."""
    try:
        return read(reply)
    except UnusableReplyError:
        return None
