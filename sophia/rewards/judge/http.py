"""The thinking judge behind an OpenAI-compatible server, vLLM's or any other."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from pathlib import Path

from sophia.rewards.judge.cache import ScoreCache
from sophia.rewards.judge.calls import CallSettings, LoopThread, PatientClient
from sophia.rewards.judge.client import ChatClient, base_url
from sophia.rewards.judge.failure import CallFailedError, JudgeDown
from sophia.rewards.judge.ledger import Breaker, Ledger, Prices
from sophia.rewards.judge.prompt import Sees
from sophia.rewards.judge.score import parse_score
from sophia.rewards.judge.step import HTTPJudgeStep, Session
from sophia.types import Completion, Prompt

_NO_KEY = "EMPTY"  # the client refuses to send none; servers without a key take any


class HTTPJudge:
    """Scores reasoning by asking a served model, many completions at once.

    Threads, connections and the cache's file are opened by the first step, not by building it.

    Args:
        url: the server: host, ``.../v1`` base, or full ``.../v1/chat/completions`` address.
        model: the name under which the server serves the judge.
        api_key: sent as the bearer token, and never logged; empty for a server without one.
        sees: whether the judge is shown the whole ``response`` (paper, release) or the
            ``thinking`` alone.
        cache_path: file that keeps scores over processes and runs; None for no cache.
        calls: limits of the calls, in number and in time.
        breaker: decides when a failing judge stops the run.
        prices: what tokens cost, for the metric ``judge/cost``.
    """

    def __init__(
        self,
        url: str,
        *,
        model: str,
        api_key: str,
        sees: Sees,
        cache_path: str | Path | None,
        calls: CallSettings,
        breaker: Breaker,
        prices: Prices,
    ) -> None:
        if sees not in ("response", "thinking"):
            raise ValueError(f"judge.sees is {sees!r}; expected 'response' or 'thinking'")
        self.url = base_url(url)
        self.model = model
        self._api_key = api_key or _NO_KEY
        self._sees: Sees = sees
        self._cache_path = None if cache_path is None else Path(cache_path).expanduser()
        self._calls = calls
        self._breaker = breaker
        self._prices = prices
        self._session: Session | None = None
        self._last = Ledger()

    def __repr__(self) -> str:
        return f"HTTPJudge({self.url!r}, model={self.model!r})"

    def open_step(self) -> HTTPJudgeStep:
        """Start a step; the calls of the one before it count for the breaker from here on.

        Raises:
            JudgeDown: the steps before have shown that the judge is down for good.
        """
        self._breaker.record(self._last)
        self._last = Ledger()
        verdict = self._breaker.verdict()
        if verdict is not None:
            raise JudgeDown(self._stop_message(verdict))
        return HTTPJudgeStep(self._open(), ledger=self._last, prices=self._prices)

    def probe(self, prompt: Prompt, completion: Completion) -> Probe:
        """Ask about one completion once, without the cache and whatever the breaker says."""
        session = self._open()
        return session.loop.submit(_probe(session, prompt, completion)).result()

    def model_names(self) -> tuple[str, ...]:
        """The models that the server lists. Raises CallFailedError."""
        session = self._open()
        return session.loop.submit(session.client.model_names()).result()

    def close(self) -> None:
        """Cancel calls in flight; close connections, thread and cache."""
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def _open(self) -> Session:
        if self._session is None:
            self._session = self._new_session()
        return self._session

    def _new_session(self) -> Session:
        # The cache first: if its file is no good, nothing else is open yet.
        cache = None if self._cache_path is None else ScoreCache(self._cache_path)
        client = ChatClient(
            self.url,
            model=self.model,
            api_key=self._api_key,
            timeout_s=self._calls.timeout_s,
            max_tokens=self._calls.max_tokens,
            structured=self._calls.structured,
        )
        patient = PatientClient(client, settings=self._calls, jitter=random.Random())
        return Session(
            loop=LoopThread("judge"), client=client, patient=patient, cache=cache,
            model=self.model, sees=self._sees, deadline_s=self._calls.deadline_s,
        )  # fmt: skip

    def _stop_message(self, verdict: str) -> str:
        return (
            f"The judge at {self.url} (model {self.model!r}) {verdict}. See what is wrong with"
            " `python -m sophia judge-check`, then continue with resume=true. How long a run may"
            " train without its judge is set by judge.breaker.max_fail_rate and"
            " judge.breaker.window_steps."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What came back for one completion.

    ``reason`` and ``detail`` say why there is no score, and are empty when there is one.
    ``latency_s`` is from the question to the reply in seconds, encoding of images included.
    """

    score: float | None
    reply: str
    reason: str
    detail: str
    latency_s: float


async def _probe(session: Session, prompt: Prompt, completion: Completion) -> Probe:
    start = time.monotonic()
    try:
        ((_, request),) = await session.requests(prompt, [completion])
        reply = await session.client.ask(request)
    except CallFailedError as failure:
        return Probe(
            score=None, reply="", reason=failure.reason, detail=failure.detail,
            latency_s=time.monotonic() - start,
        )  # fmt: skip
    parsed = parse_score(reply.text, truncated=reply.truncated)
    return Probe(
        score=parsed.value, reply=session.client.redact(reply.text), reason=parsed.failure or "",
        detail="", latency_s=time.monotonic() - start,
    )  # fmt: skip
