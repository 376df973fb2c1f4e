"""What happened in one step, counted."""

from __future__ import annotations

import logging
from collections import Counter

from sophia.metrics import Max, Mean, Metric, Sum
from sophia.rewards.judge.failure import FINAL
from sophia.rewards.judge.prices import Prices
from sophia.rewards.judge.score import PARSE_FAILURES

log = logging.getLogger(__name__)


class Ledger:
    """Counts of one step. A *call* is a completion that needed the server, however often tried."""

    def __init__(self) -> None:
        self.hits = 0
        self.calls = 0
        self.retries = 0
        self.cache_errors = 0
        self.prompt_tokens = 0
        self.completion_tokens = 0
        self.latencies_s: list[float] = []
        self.failures: Counter[str] = Counter()
        self.last_detail = ""

    def fail(self, reason: str, detail: str) -> None:
        """Count a call without a score; the first of each kind in a step is logged."""
        if not self.failures[reason]:
            log.warning("judge: %s: %s (more of this kind are only counted)", reason, detail)
        self.failures[reason] += 1
        self.last_detail = f"{reason}: {detail}"

    def cache_fails(self, error: Exception) -> None:
        """Count a failed access to the cache; the first in a step is logged."""
        if not self.cache_errors:
            log.warning("judge: the cache failed: %s (more are only counted)", error)
        self.cache_errors += 1

    @property
    def num_failed(self) -> int:
        """Calls without a score, for whatever reason."""
        return self.failures.total()

    @property
    def num_unparsed(self) -> int:
        """Calls that brought a reply, but no score."""
        return sum(self.failures[reason] for reason in PARSE_FAILURES)

    @property
    def hopeless(self) -> bool:
        """Whether all calls were refused for a reason that no waiting heals."""
        return self.calls > 0 and sum(self.failures[r] for r in FINAL) == self.calls

    def metrics(self, prices: Prices) -> dict[str, Metric]:
        """The ``judge/*`` figures. Rates are shares of the calls; latencies of answered ones.

        A step without a call has no rate, one without an answer no latency.
        """
        failed = self.num_failed - self.num_unparsed
        figures: dict[str, Metric] = {
            "judge/calls": _count(self.calls),
            "judge/retries": _count(self.retries),
            "judge/fail_rate": Mean(total=failed, count=self.calls),
            "judge/parse_fail_rate": Mean(total=self.num_unparsed, count=self.calls),
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
