"""What happened to the calls of a step, counted; what they cost; and when to stop for it."""

from __future__ import annotations

import logging
from collections import Counter, deque
from dataclasses import dataclass

from sophia.metrics import Max, Mean, Metric, Sum
from sophia.rewards.judge.failure import FINAL

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """Price per million tokens, in whatever currency ``judge/cost`` shall have; None: unknown."""

    prompt: float | None
    completion: float | None

    def __post_init__(self) -> None:
        if (self.prompt is None) != (self.completion is None):
            raise ValueError(
                f"judge.prices has prompt={self.prompt}, completion={self.completion}; expected"
                " both or neither."
            )

    def cost(self, *, prompt_tokens: int, completion_tokens: int) -> float | None:
        """What so many tokens cost; None where prices are unknown."""
        if self.prompt is None or self.completion is None:
            return None
        return (prompt_tokens * self.prompt + completion_tokens * self.completion) / 1e6


class Ledger:
    """Counts what happened to the calls of one step.

    A *call* is a completion whose score was in no cache, however often the server was asked for
    it; ``hits`` are the others. ``latencies_s`` are seconds from the first attempt to the reply.
    """

    def __init__(self) -> None:
        self.hits = 0
        self.calls = 0
        self.retries = 0
        self.cache_errors = 0
        self.prompt_tokens = 0
        self.completion_tokens = 0
        self.latencies_s: list[float] = []
        self.num_unusable = 0
        self.failures: Counter[str] = Counter()
        self.last_detail = ""

    def fail(self, reason: str, detail: str) -> None:
        """Count a call that brought no score; the first of each kind in a step is logged."""
        if not self.failures[reason]:
            log.warning("judge: %s: %s (more of this kind are only counted)", reason, detail)
        self.failures[reason] += 1
        self.last_detail = f"{reason}: {detail}"

    def fail_reply(self, reason: str, detail: str) -> None:
        """Count a call that brought a reply, but one that no score can be read from."""
        self.num_unusable += 1
        self.fail(reason, detail)

    def cache_fails(self, error: Exception) -> None:
        """Count a failed access to the cache; the first in a step is logged."""
        if not self.cache_errors:
            log.warning("judge: the cache failed: %s (more are only counted)", error)
        self.cache_errors += 1

    @property
    def num_failed(self) -> int:
        """How many calls brought no score, for whatever reason."""
        return self.failures.total()

    @property
    def hopeless(self) -> bool:
        """Whether all calls, one or more, were refused for a reason that no waiting heals."""
        return self.calls > 0 and sum(self.failures[r] for r in FINAL) == self.calls

    def metrics(self, prices: Prices) -> dict[str, Metric]:
        """The ``judge/*`` figures of the step.

        Rates are shares of the calls; latencies are in seconds, of the answered calls alone.
        ``judge/cost`` is missing where prices are unknown.
        """
        failed = self.num_failed - self.num_unusable
        figures: dict[str, Metric] = {
            "judge/calls": _count(self.calls),
            "judge/retries": _count(self.retries),
            "judge/fail_rate": Mean(total=failed, count=self.calls),
            "judge/parse_fail_rate": Mean(total=self.num_unusable, count=self.calls),
            "judge/cache_hit": Mean(total=self.hits, count=self.hits + self.calls),
            "judge/cache_errors": _count(self.cache_errors),
            "judge/latency": Mean.of(self.latencies_s),
            "judge/latency_max": Max.of(self.latencies_s),
            "judge/tokens": _count(self.prompt_tokens + self.completion_tokens),
        }
        cost = prices.cost(
            prompt_tokens=self.prompt_tokens, completion_tokens=self.completion_tokens
        )
        if cost is not None:
            figures["judge/cost"] = Sum(value=cost)
        return figures | {f"judge/fail/{r}": _count(n) for r, n in sorted(self.failures.items())}


def _count(number: int) -> Sum:
    return Sum(value=float(number))


class Breaker:
    """Watches the share of calls without a score over a window of steps.

    A run without a judge still trains, on outcomes alone, so nothing would show but a metric. A
    step in which every call was refused for its key, address or model name stops it at once.

    Args:
        window_steps: how many steps that made calls are looked at, the last ones.
        max_fail_rate: the share of their calls, in [0, 1], that may bring no score; the run stops
            above it, once there are ``window_steps`` of them.
    """

    def __init__(self, *, window_steps: int = 5, max_fail_rate: float = 0.5) -> None:
        if window_steps < 1 or not 0.0 <= max_fail_rate <= 1.0:
            raise ValueError(
                f"breaker with window_steps={window_steps}, max_fail_rate={max_fail_rate};"
                " expected at least 1 step and a rate in [0, 1]. See configs/judge/http.yaml."
            )
        self._max_fail_rate = max_fail_rate
        self._steps: deque[Ledger] = deque(maxlen=window_steps)

    def record(self, step: Ledger) -> None:
        """Take in the calls of a finished step; a step without calls says nothing."""
        if step.calls:
            self._steps.append(step)

    def verdict(self) -> str | None:
        """None as long as the run may go on, else what was seen, to follow the judge's name."""
        if not self._steps:
            return None
        if self._steps[-1].hopeless:
            return _seen([self._steps[-1]])
        full = len(self._steps) == self._steps.maxlen
        failed = sum(s.num_failed for s in self._steps)
        calls = sum(s.calls for s in self._steps)
        return _seen(list(self._steps)) if full and failed > self._max_fail_rate * calls else None


def _seen(steps: list[Ledger]) -> str:
    calls = sum(s.calls for s in steps)
    reasons = sum((s.failures for s in steps), Counter[str]())
    share = reasons.total() / calls
    return (
        f"left {share:.0%} of {calls} calls over the last {len(steps)} step(s) without a score"
        f" ({', '.join(f'{reason} {n}' for reason, n in reasons.most_common())};"
        f" last: {steps[-1].last_detail})"
    )
