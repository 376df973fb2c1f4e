"""What happened to the calls of a step, counted."""

from __future__ import annotations

import logging
from collections import Counter

from sophia.chat.failure import FINAL
from sophia.chat.prices import Prices
from sophia.metrics import Max, Mean, Metric, Sum

log = logging.getLogger(__name__)


class Ledger:
    """Counts what happened to the calls of one step.

    A *call* is a question whose answer was in no cache, however often the server was asked for it;
    ``hits`` are the others. ``latencies_s`` are seconds from the first attempt to the reply.
    """

    def __init__(self, name: str) -> None:
        self.name = name
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
        """Count a call that brought no answer; the first of each kind in a step is logged."""
        if not self.failures[reason]:
            log.warning(
                "%s: %s: %s (more of this kind are only counted)", self.name, reason, detail
            )
        self.failures[reason] += 1
        self.last_detail = f"{reason}: {detail}"

    def fail_reply(self, reason: str, detail: str) -> None:
        """Count a call that brought a reply, but one that no answer can be read from."""
        self.num_unusable += 1
        self.fail(reason, detail)

    def cache_fails(self, error: Exception) -> None:
        """Count a failed access to the cache; the first in a step is logged."""
        if not self.cache_errors:
            log.warning("%s: the cache failed: %s (more are only counted)", self.name, error)
        self.cache_errors += 1

    @property
    def num_failed(self) -> int:
        """How many calls brought no answer, for whatever reason."""
        return self.failures.total()

    @property
    def hopeless(self) -> bool:
        """Whether all calls, one or more, were refused for a reason that no waiting heals."""
        return self.calls > 0 and sum(self.failures[r] for r in FINAL) == self.calls

    def metrics(self, prices: Prices) -> dict[str, Metric]:
        """The ``NAME/*`` figures of the step.

        Rates are shares of the calls; latencies are in seconds, of the answered calls alone.
        ``NAME/cost`` is missing where prices are unknown.
        """
        failed = self.num_failed - self.num_unusable
        figures: dict[str, Metric] = {
            "calls": _count(self.calls),
            "retries": _count(self.retries),
            "fail_rate": Mean(total=failed, count=self.calls),
            "parse_fail_rate": Mean(total=self.num_unusable, count=self.calls),
            "cache_hit": Mean(total=self.hits, count=self.hits + self.calls),
            "cache_errors": _count(self.cache_errors),
            "latency": Mean.of(self.latencies_s),
            "latency_max": Max.of(self.latencies_s),
            "tokens": _count(self.prompt_tokens + self.completion_tokens),
        }
        cost = prices.cost(
            prompt_tokens=self.prompt_tokens, completion_tokens=self.completion_tokens
        )
        if cost is not None:
            figures["cost"] = Sum(value=cost)
        failures = {f"fail/{reason}": _count(n) for reason, n in sorted(self.failures.items())}
        return {f"{self.name}/{figure}": value for figure, value in {**figures, **failures}.items()}


def _count(number: int) -> Sum:
    return Sum(value=float(number))
