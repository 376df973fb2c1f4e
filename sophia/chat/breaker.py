"""When failing calls stop a run."""

from __future__ import annotations

from collections import Counter, deque

from sophia.chat.ledger import Ledger


class Breaker:
    """Watches the share of calls without an answer over a window of steps.

    A run whose judge is gone still trains, on outcomes alone, so nothing would show but a metric.
    A step in which every call was refused for its key, address or model name stops it at once.

    Args:
        window_steps: how many steps that made calls are looked at, the last ones.
        max_fail_rate: the share of their calls, in [0, 1], that may bring no answer; the run stops
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
        """None as long as the run may go on, else what was seen, to follow the server's name."""
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
        f"left {share:.0%} of {calls} calls over the last {len(steps)} step(s) without an answer"
        f" ({', '.join(f'{reason} {n}' for reason, n in reasons.most_common())};"
        f" last: {steps[-1].last_detail})"
    )
