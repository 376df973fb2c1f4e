"""Stops a run whose judge is down, rather than train it on without one."""

from __future__ import annotations

from collections import Counter, deque

from sophia.rewards.judge.ledger import Ledger


class Breaker:
    """Watches the share of calls without a score over a window of steps.

    A run without a judge still trains, on outcomes alone, so nothing would show but a metric. Past
    ``max_fail_rate`` over the last ``window_steps`` steps that made calls it is stopped; a step in
    which every call was refused for its key, address or model name stops it at once.
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
        """Take in a finished step."""
        if step.calls:
            self._steps.append(step)

    def verdict(self) -> str | None:
        """None as long as the judge is fit for use, else what was seen."""
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
