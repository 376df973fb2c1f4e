"""The thinking judge behind an OpenAI-compatible server, vLLM's or any other."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path

from sophia.chat.breaker import Breaker
from sophia.chat.calls import CallSettings
from sophia.chat.failure import ServerDown
from sophia.chat.model import ChatModel
from sophia.chat.prices import Prices
from sophia.chat.step import ChatStep, Probe
from sophia.metrics import Metric
from sophia.rewards.judge.prompts.judge_prompt import JudgePrompt
from sophia.rewards.judge.score import read_score
from sophia.types import Completion, Prompt


class HTTPJudge:
    """Scores reasoning by asking a served model, many completions at once.

    Args:
        url: the server: host, ``.../v1`` base, or full ``.../v1/chat/completions`` address.
        model: the name under which the server serves the judge.
        api_key: sent as the bearer token, and never logged; empty for a server without one.
        prompt: what the judge is asked.
        cache_path: file that keeps replies over processes and runs; None for no cache.
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
        prompt: JudgePrompt,
        cache_path: str | Path | None,
        calls: CallSettings,
        breaker: Breaker,
        prices: Prices,
    ) -> None:
        self.chat = ChatModel(
            "judge", url=url, model=model, api_key=api_key, cache_path=cache_path, calls=calls,
            breaker=breaker, prices=prices,
        )  # fmt: skip
        self._prompt = prompt

    def __repr__(self) -> str:
        return f"HTTPJudge({self.chat.url!r}, model={self.chat.model!r})"

    def open_step(self) -> HTTPJudgeStep:
        """Start a step; raises ServerDown once the steps before have shown that it is no use."""
        try:
            return HTTPJudgeStep(self.chat.open_step(), self._prompt)
        except ServerDown as down:
            raise ServerDown(
                f"{down} See what is wrong with `python -m sophia judge-check`, then continue with"
                " resume=true."
            ) from None

    def probe(self, prompt: Prompt, completion: Completion) -> Probe[float]:
        """Ask about one completion once, without the cache and whatever the breaker says."""
        return self.chat.probe(self._prompt.question(prompt, completion), read_score)

    def close(self) -> None:
        """Cancel calls in flight; close connections, thread and cache."""
        self.chat.close()


class HTTPJudgeStep:
    """The judging of one step; see HTTPJudge.open_step."""

    def __init__(self, chat: ChatStep, prompt: JudgePrompt) -> None:
        self._chat = chat
        self._prompt = prompt

    def submit(
        self, prompt: Prompt, completions: Sequence[Completion]
    ) -> Future[tuple[float | None, ...]]:
        """Start judging completions of one prompt; their deadline counts from here.

        The future holds one score in [0, 1] per completion, None where there is none.
        """
        questions = [self._prompt.question(prompt, completion) for completion in completions]
        return self._chat.ask(questions, read_score)

    def metrics(self) -> dict[str, Metric]:
        """The ``judge/*`` figures of the step, complete once its futures are done."""
        return self._chat.metrics()
