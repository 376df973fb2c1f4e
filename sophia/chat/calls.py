"""How a server is called: how many calls at once, how long, how often."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass

from sophia.chat.client import ChatClient, Structured
from sophia.chat.failure import CallFailedError
from sophia.chat.ledger import Ledger
from sophia.chat.protocol import ChatRequest
from sophia.chat.question import ChatReply

_MAX_DOUBLINGS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSettings:
    """Limits of the calls to a server.

    Args:
        max_concurrent: how many calls may be in flight at once.
        timeout_s: limit of one attempt in seconds.
        deadline_s: limit in seconds of the questions that are handed in together (a judge's: of a
            group), from then on, with all waiting and all attempts in it.
        max_attempts: how often a call is tried where trying again can help.
        backoff_s: the longest wait in seconds before the second attempt; it doubles each time, up
            to 32 times as long.
        max_tokens: length limit of a reply in tokens.
        temperature: what replies are sampled at; 0 decodes greedily.
        structured: whether replies are bound to a JSON schema: ``always``, ``never``, or ``auto``,
            which does so until the server says that it cannot.
    """

    max_concurrent: int = 64
    timeout_s: float = 60.0
    deadline_s: float = 300.0
    max_attempts: int = 4
    backoff_s: float = 0.5
    max_tokens: int = 64
    temperature: float = 0.0
    structured: Structured = "auto"

    def __post_init__(self) -> None:
        limits = (self.max_concurrent, self.max_attempts, self.max_tokens)
        limited = min(limits) >= 1 and min(self.timeout_s, self.deadline_s) > 0
        if not limited or min(self.backoff_s, self.temperature) < 0:
            raise ValueError(
                f"{self}: expected counts of at least 1, positive times, and no negative backoff_s"
                " or temperature. See configs/judge/http.yaml."
            )
        if self.structured not in ("auto", "always", "never"):
            raise ValueError(f"calls.structured is {self.structured!r}; auto, always or never")


class PatientClient:
    """Asks again where that can help, and keeps within the number of calls at once."""

    def __init__(
        self, client: ChatClient, *, settings: CallSettings, jitter: random.Random
    ) -> None:
        self._client = client
        self._settings = settings
        self._jitter = jitter
        self._slots = asyncio.Semaphore(settings.max_concurrent)

    async def ask(self, request: ChatRequest, *, deadline: float, ledger: Ledger) -> ChatReply:
        """The reply to a request, asked for as often as the settings allow.

        Args:
            request: what is asked.
            deadline: when to give up, in seconds of the event loop's clock.
            ledger: counts the retries and how long the answered attempts took.

        Raises:
            CallFailedError: of the last attempt, once attempts or time have run out.
        """
        clock = asyncio.get_running_loop().time
        started: float | None = None
        attempt = 0
        while True:
            attempt += 1
            try:
                async with self._slots:
                    started = clock() if started is None else started
                    reply = await self._client.ask(request)
                    ledger.latencies_s.append(clock() - started)
                    return reply
            except CallFailedError as failure:
                wait_s = self._wait_s(attempt, failure)
                exhausted = attempt == self._settings.max_attempts
                if exhausted or not failure.retryable or clock() + wait_s >= deadline:
                    raise
            ledger.retries += 1
            await asyncio.sleep(wait_s)  # outside the slot: others go on meanwhile

    def _wait_s(self, attempt: int, failure: CallFailedError) -> float:
        # Full jitter (uniform from 0), so that calls which failed together do not return together.
        ceiling = self._settings.backoff_s * 2 ** min(attempt - 1, _MAX_DOUBLINGS)
        return (failure.retry_after_s or 0.0) + self._jitter.uniform(0.0, ceiling)
