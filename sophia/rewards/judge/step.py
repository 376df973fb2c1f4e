"""The judge calls of one RL step."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import Future

from sophia.metrics import Metric
from sophia.rewards.judge.client import Question, Reply
from sophia.rewards.judge.failure import CallFailedError
from sophia.rewards.judge.ledger import Ledger
from sophia.rewards.judge.prices import Prices
from sophia.rewards.judge.score import parse_score
from sophia.rewards.judge.session import Session
from sophia.types import Completion, Prompt

Scores = tuple[float | None, ...]


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
        """Start judging a group; its deadline counts from here."""
        return self._session.loop.submit(self._judge(prompt, tuple(completions)))

    def metrics(self) -> dict[str, Metric]:
        """``judge/*`` figures, complete once the futures are done."""
        return self._ledger.metrics(self._prices)

    async def _judge(self, prompt: Prompt, completions: Sequence[Completion]) -> Scores:
        deadline = asyncio.get_running_loop().time() + self._session.deadline_s
        try:
            questions = await self._session.questions(prompt, completions)
        except CallFailedError as failure:
            for _ in completions:
                self._ledger.calls += 1
                self._ledger.fail(failure.reason, failure.detail)
            return (None,) * len(completions)
        known = await self._session.look_up([key for key, _ in questions], self._ledger)
        scores = await asyncio.gather(
            *(self._score(key, question, known, deadline) for key, question in questions)
        )
        fresh = {
            key: score
            for (key, _), score in zip(questions, scores, strict=True)
            if score is not None and key not in known
        }
        await self._session.store(fresh, self._ledger)
        return tuple(scores)

    async def _score(
        self, key: str, question: Question, known: Mapping[str, float], deadline: float
    ) -> float | None:
        if key in known:
            self._ledger.hits += 1
            return known[key]
        task = self._asked.get(key)
        if task is not None:  # the same text again: one call, one score for both
            self._ledger.hits += 1
            return await task
        self._ledger.calls += 1
        task = asyncio.create_task(self._ask(question, deadline))
        self._asked[key] = task
        return await task

    async def _ask(self, question: Question, deadline: float) -> float | None:
        try:
            async with asyncio.timeout_at(deadline):
                reply = await self._session.patient.ask(
                    question, deadline=deadline, ledger=self._ledger
                )
        except TimeoutError:
            detail = f"no score within {self._session.deadline_s:g} s of the submission"
            self._ledger.fail("deadline", detail)
            return None
        except CallFailedError as failure:
            self._ledger.fail(failure.reason, failure.detail)
            return None
        return self._read(reply)

    def _read(self, reply: Reply) -> float | None:
        self._ledger.prompt_tokens += reply.prompt_tokens
        self._ledger.completion_tokens += reply.completion_tokens
        parsed = parse_score(reply.text, truncated=reply.truncated)
        if parsed.failure is not None:
            detail = f"the reply was {self._session.client.redact(reply.text)!r}"
            self._ledger.fail(parsed.failure, detail)
        return parsed.value
