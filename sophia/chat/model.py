"""A model behind an OpenAI-compatible server: many questions at once, each answered or counted."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from sophia.chat.breaker import Breaker
from sophia.chat.calls import CallSettings
from sophia.chat.failure import ServerDown
from sophia.chat.ledger import Ledger
from sophia.chat.prices import Prices
from sophia.chat.question import ChatQuestion, Reader
from sophia.chat.replies import Replies
from sophia.chat.session import Session, opened_session
from sophia.chat.step import ChatStep, Probe, probe
from sophia.chat.url import base_url

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
        breaker: decides when a failing server stops what needs it.
        prices: what tokens cost, for the metric ``NAME/cost``.
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
        self._session: Session | None = None
        self._unrecorded: list[ChatStep] = []

    def __repr__(self) -> str:
        return f"ChatModel({self.name!r}, url={self.url!r}, model={self.model!r})"

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
        return session.loop.submit(probe(session, question, read)).result()

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
            # The cache first: if its file is no good, nothing else is open yet.
            path = self._cache_path
            replies = None if path is None else Replies(path, name=self.name)
            self._session = opened_session(
                self.name, url=self.url, model=self.model, api_key=self._api_key, replies=replies,
                calls=self._calls,
            )  # fmt: skip
        return self._session

    def _stop_message(self, verdict: str) -> str:
        return (
            f"The {self.name} at {self.url} (model {self.model!r}) {verdict}. How much may fail is"
            f" set by {self.name}.breaker.max_fail_rate and {self.name}.breaker.window_steps."
        )
