"""When a run stops for its judge."""

from __future__ import annotations

import pytest

from sophia.chat.breaker import Breaker
from sophia.chat.ledger import Ledger


def step(calls: int, failed: int, reason: str = "timeout") -> Ledger:
    ledger = Ledger("judge")
    ledger.calls = calls
    for _ in range(failed):
        ledger.fail(reason, "why")
    return ledger


def test_trips_above_the_rate_over_a_full_window() -> None:
    breaker = Breaker(window_steps=2, max_fail_rate=0.5)
    breaker.record(step(10, 10))
    assert breaker.verdict() is None  # the window holds two steps
    breaker.record(step(10, 0))
    assert breaker.verdict() is None  # 10 of 20 is not more than a half
    breaker.record(step(10, 10))
    assert breaker.verdict() is None  # 0 and 10
    breaker.record(step(10, 1))
    assert breaker.verdict() == (
        "left 55% of 20 calls over the last 2 step(s) without an answer (timeout 11;"
        " last: timeout: why)"
    )


def test_replies_without_a_score_count_too() -> None:
    breaker = Breaker(window_steps=1, max_fail_rate=0.5)
    breaker.record(step(10, 6, reason="prose"))
    assert breaker.verdict() is not None


def test_steps_without_calls_say_nothing() -> None:
    breaker = Breaker(window_steps=2, max_fail_rate=0.5)
    breaker.record(step(10, 10))
    breaker.record(step(0, 0))
    assert breaker.verdict() is None


@pytest.mark.parametrize("reason", ["auth", "not_found", "model_not_found"])
def test_a_wrong_key_address_or_model_trips_at_once(reason: str) -> None:
    breaker = Breaker(window_steps=5, max_fail_rate=1.0)
    breaker.record(step(10, 9, reason))
    assert breaker.verdict() is None  # one call went through: it is not the settings
    breaker.record(step(10, 10, reason))
    assert breaker.verdict() is not None


@pytest.mark.parametrize("settings", [{"window_steps": 0}, {"max_fail_rate": 1.5}])
def test_senseless_settings(settings: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="expected at least 1 step"):
        Breaker(**settings)
