"""The judge calls of one RL step, and what they share with those of other steps."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from PIL import Image

from sophia.metrics import Metric
from sophia.rewards.judge.cache import ScoreCache, score_key
from sophia.rewards.judge.calls import LoopThread, PatientClient
from sophia.rewards.judge.client import ChatClient, ChatReply, ChatRequest
from sophia.rewards.judge.failure import CallFailedError
from sophia.rewards.judge.ledger import Ledger, Prices
from sophia.rewards.judge.media import EncodedImage, encode_image
from sophia.rewards.judge.prompt import PROMPT_VERSION, Sees, judge_request, shown
from sophia.rewards.judge.score import parse_score
from sophia.types import Completion, Media, Prompt

Scores = tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What a judge holds open while it is in use: a thread, connections, the cache's file.

    Made when the first step opens, so that building a judge costs nothing.
    """

    loop: LoopThread
    client: ChatClient
    patient: PatientClient
    cache: ScoreCache | None
    model: str
    sees: Sees
    deadline_s: float

    async def requests(
        self, prompt: Prompt, completions: Sequence[Completion]
    ) -> list[tuple[str, ChatRequest]]:
        """The cache key and the request of each completion; images are encoded once for all.

        Raises:
            CallFailedError: an image cannot be read; its reason is ``media``.
        """
        images = await asyncio.to_thread(_encode, prompt.media)
        digests = [image.digest for image in images]
        urls = [image.url for image in images]
        texts = [shown(completion, self.sees) for completion in completions]
        return [
            (
                score_key(self.model, PROMPT_VERSION, self.sees, digests, prompt.question, text),
                judge_request(prompt.question, text, urls),
            )
            for text in texts
        ]

    async def look_up(self, keys: Sequence[str], ledger: Ledger) -> dict[str, float]:
        """The scores in the cache, by key; an access that fails is counted and finds none."""
        if self.cache is None:
            return {}
        try:
            return await asyncio.to_thread(self.cache.get, keys)
        except sqlite3.Error as error:
            ledger.cache_fails(error)
            return {}

    async def store(self, scores: Mapping[str, float], ledger: Ledger) -> None:
        """Keep new scores in the cache. Failures are not kept: they may succeed the next time."""
        if self.cache is None or not scores:
            return
        try:
            await asyncio.to_thread(self.cache.put, scores)
        except sqlite3.Error as error:
            ledger.cache_fails(error)

    def close(self) -> None:
        """Cancel the calls in flight, then close connections, thread and cache."""
        self.loop.cancel_running()
        self.loop.submit(self.client.close()).result()
        self.loop.close()
        if self.cache is not None:
            self.cache.close()


class HTTPJudgeStep:
    """Asks the server about groups as they are submitted; see HTTPJudge.open_step.

    The ledger and the tasks are touched only by the session's loop until the futures are done.
    """

    def __init__(self, session: Session, *, ledger: Ledger, prices: Prices) -> None:
        self._session = session
        self._ledger = ledger
        self._prices = prices
        self._asked: dict[str, asyncio.Task[float | None]] = {}

    def submit(self, prompt: Prompt, completions: Sequence[Completion]) -> Future[Scores]:
        """Start judging completions of one prompt; their deadline counts from here.

        The future holds one score in [0, 1] per completion, None where there is none.
        """
        return self._session.loop.submit(self._judge(prompt, tuple(completions)))

    def metrics(self) -> dict[str, Metric]:
        """The ``judge/*`` figures of the step, complete once its futures are done."""
        return self._ledger.metrics(self._prices)

    async def _judge(self, prompt: Prompt, completions: Sequence[Completion]) -> Scores:
        deadline = asyncio.get_running_loop().time() + self._session.deadline_s
        try:
            requests = await self._session.requests(prompt, completions)
        except CallFailedError as failure:
            for _ in completions:
                self._ledger.calls += 1
                self._ledger.fail(failure.reason, failure.detail)
            return (None,) * len(completions)
        known = await self._session.look_up([key for key, _ in requests], self._ledger)
        scores = await asyncio.gather(
            *(self._score(key, request, known, deadline) for key, request in requests)
        )
        fresh = {
            key: score
            for (key, _), score in zip(requests, scores, strict=True)
            if score is not None and key not in known
        }
        await self._session.store(fresh, self._ledger)
        return tuple(scores)

    async def _score(
        self, key: str, request: ChatRequest, known: Mapping[str, float], deadline: float
    ) -> float | None:
        if key in known:
            self._ledger.hits += 1
            return known[key]
        task = self._asked.get(key)
        if task is not None:  # the same text again: one call, one score for both
            self._ledger.hits += 1
            return await task
        self._ledger.calls += 1
        task = asyncio.create_task(self._ask(request, deadline))
        self._asked[key] = task
        return await task

    async def _ask(self, request: ChatRequest, deadline: float) -> float | None:
        try:
            async with asyncio.timeout_at(deadline):
                reply = await self._session.patient.ask(
                    request, deadline=deadline, ledger=self._ledger
                )
        except TimeoutError:
            detail = f"no score within {self._session.deadline_s:g} s of the submission"
            self._ledger.fail("deadline", detail)
            return None
        except CallFailedError as failure:
            self._ledger.fail(failure.reason, failure.detail)
            return None
        return self._read(reply)

    def _read(self, reply: ChatReply) -> float | None:
        self._ledger.prompt_tokens += reply.prompt_tokens
        self._ledger.completion_tokens += reply.completion_tokens
        parsed = parse_score(reply.text, truncated=reply.truncated)
        if parsed.failure is not None:
            detail = f"the reply was {self._session.client.redact(reply.text)!r}"
            self._ledger.fail_reply(parsed.failure, detail)
        return parsed.value


def _encode(media: Sequence[Media]) -> list[EncodedImage]:
    try:
        return [encode_image(one) for one in media]
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise CallFailedError("media", f"an image of the prompt: {error}") from error
