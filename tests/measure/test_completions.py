"""Lengths of completions, and one row of several processes."""

from __future__ import annotations

from sophia.measure.completions import completion_metrics
from sophia.metrics import merged, values
from tests.builders import completion, rollout


def test_ranks_with_unequally_many_completions_are_one_row() -> None:
    # One rank has lengths 2 and 4, of which the 4 was cut; the other has 9.
    first = completion_metrics(
        [
            rollout(
                completions=(
                    completion(num_tokens=2),
                    completion(num_tokens=4, finish_reason="length"),
                )
            )
        ]
    )
    second = completion_metrics([rollout(completions=(completion(num_tokens=9),))])
    assert values(merged([first, second])) == {
        "completions/mean_length": 5.0,
        "completions/min_length": 2.0,
        "completions/max_length": 9.0,
        "completions/clipped_ratio": 1 / 3,
        "completions/mean_terminated_length": 5.5,
    }


def test_a_rank_that_was_always_cut_has_no_length_of_the_ended() -> None:
    cut = completion_metrics([rollout(completions=(completion(finish_reason="length"),))])
    assert "completions/mean_terminated_length" not in values(cut)
    ended = completion_metrics([rollout(completions=(completion(num_tokens=8),))])
    assert values(merged([cut, ended]))["completions/mean_terminated_length"] == 8.0
