"""One row of several processes."""

from __future__ import annotations

from sophia.measure.completions import merged


def test_counts_add_up_extremes_stay_extremes_and_the_rest_is_a_mean() -> None:
    first = {
        "reward": 0.5, "judge/cost": 0.25, "judge/tokens": 100.0, "judge/fail/timeout": 2.0,
        "judge/latency": 1.0, "judge/latency_max": 2.0, "completions/min_length": 4.0,
        "completions/max_length": 9.0, "outcome/graded": 8.0,
    }  # fmt: skip
    second = {
        "reward": 1.0, "judge/cost": 0.5, "judge/tokens": 50.0, "judge/latency": 3.0,
        "judge/latency_max": 7.0, "completions/min_length": 6.0, "completions/max_length": 5.0,
        "outcome/graded": 8.0, "thinking/wrong_mean": 0.25,
    }  # fmt: skip
    assert merged([first, second]) == {
        "reward": 0.75, "judge/cost": 0.75, "judge/tokens": 150.0, "judge/fail/timeout": 2.0,
        "judge/latency": 2.0, "judge/latency_max": 7.0, "completions/min_length": 4.0,
        "completions/max_length": 9.0, "outcome/graded": 16.0, "thinking/wrong_mean": 0.25,
    }  # fmt: skip
