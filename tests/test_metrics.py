"""Merging metrics by hand arithmetic: unequal pieces, and pieces without a measurement."""

from __future__ import annotations

import math
import pickle
import statistics

import pytest
import torch

from sophia.metrics import Max, Mean, Metric, Min, Std, Sum, as_floats, merged, values


def test_a_mean_is_weighted_by_what_it_is_of() -> None:
    # 1, 2, 3 and 10: 16 / 4 = 4, where the mean of the two means would be 6
    both = Mean.of([1.0, 2.0, 3.0]).merge(Mean.of([10.0]))
    assert both == Mean(total=16.0, count=4.0)
    assert both.value == 4.0


def test_a_mean_of_nothing_adds_nothing_and_has_no_value() -> None:
    nothing = Mean.of([])
    assert nothing.value is None
    assert nothing.merge(Mean.of([0.5, 1.0])).value == 0.75
    assert Mean.of([True, False, False, True]).value == 0.5


def test_shares_of_micro_batches_add_up_steps_count_alike_and_ranks_by_their_tokens() -> None:
    # One step of 4 tokens in micro-batches of 3 and 1: 0.75 * 2 + 0.25 * 6 = 3.
    step = merged([{"kl": Mean(total=1.5, count=0.75)}, {"kl": Mean(total=1.5, count=0.25)}])
    assert values(step) == {"kl": 3.0}
    # Another step of 400 tokens, mean 5: both count alike, (3 + 5) / 2 = 4.
    assert values(merged([step, {"kl": Mean(total=5.0, count=1.0)}])) == {"kl": 4.0}
    # Ranks with 6 and 2 tokens, so 4 on average: 6 / 4 * 1 and 2 / 4 * 5, together 4 / 2 = 2.
    ranks = [{"kl": Mean(total=1.5, count=1.5)}, {"kl": Mean(total=2.5, count=0.5)}]
    assert values(merged(ranks)) == {"kl": 2.0}


def test_sums_and_extremes() -> None:
    assert Sum(value=2.0).merge(Sum(value=3.0)).value == 5.0
    assert Max.of([1.0, 4.0]).merge(Max.of([3.0])).value == 4.0
    assert Min.of([2.0, 4.0]).merge(Min.of([3.0])).value == 2.0
    assert Max.of([]).value is None
    assert Min.of([]).value is None
    assert Max.of([]).merge(Max.of([-3.0])).value == -3.0
    assert Min.of([]).merge(Min.of([3.0])).value == 3.0


def test_deviations_of_unequal_halves_are_that_of_all_values() -> None:
    # 1, 2, 3, 4 and 10: mean 4, squared distances 9 + 4 + 1 + 0 + 36 = 50, 50 / 4 = 12.5
    halves = Std.of([1.0, 2.0, 3.0, 4.0]), Std.of([10.0])
    assert halves[0].merge(halves[1]).value == pytest.approx(math.sqrt(12.5), rel=1e-14)
    assert halves[1].merge(halves[0]).value == pytest.approx(math.sqrt(12.5), rel=1e-14)
    assert Std.of([0.1, 0.2, 0.7]).value == pytest.approx(statistics.stdev([0.1, 0.2, 0.7]))
    assert Std.of([3.0]).value == 0.0
    assert Std.of([]).value is None
    assert Std.of([]).merge(Std.of([])).value is None
    assert Std.of([]).merge(Std.of([1.0, 3.0])).value == math.sqrt(2)
    assert Std.of([1.0, 3.0]).merge(Std.of([])).value == math.sqrt(2)


def test_a_row_holds_what_some_rank_could_measure() -> None:
    first: dict[str, Metric] = {"reward": Mean.of([]), "unscored": Sum(value=4.0)}
    second: dict[str, Metric] = {"reward": Mean.of([0.5]), "latency": Mean.of([])}
    assert values(merged([first, second])) == {"reward": 0.5, "unscored": 4.0}
    assert values(merged([first])) == {"unscored": 4.0}
    assert list(merged([first, second])) == ["reward", "unscored", "latency"]


def test_one_name_is_one_kind() -> None:
    with pytest.raises(ValueError, match="'reward' is a Mean and a Sum at once"):
        merged([{"reward": Mean.of([1.0])}, {"reward": Sum(value=1.0)}])


def test_tensors_are_merged_as_tensors_and_become_numbers_at_the_end() -> None:
    def row(total: float, count: float, extreme: float) -> dict[str, Metric]:
        number = torch.tensor(extreme)
        return {
            "kl": Mean(total=torch.tensor(total), count=torch.tensor(count).double()),
            "max": Max(largest=number),
            "min": Min(smallest=number),
        }

    both = merged([row(1.0, 0.25, 3.0), row(2.0, 0.5, -1.0)])
    mean, largest = both["kl"], both["max"]
    assert isinstance(mean, Mean)
    assert isinstance(mean.total, torch.Tensor)
    assert isinstance(largest, Max)
    assert isinstance(largest.largest, torch.Tensor)
    assert as_floats(both) == {
        "kl": Mean(total=3.0, count=0.75), "max": Max(largest=3.0), "min": Min(smallest=-1.0),
    }  # fmt: skip
    assert values(both) == {"kl": 4.0, "max": 3.0, "min": -1.0}


def test_metrics_travel_between_processes() -> None:
    row: dict[str, Metric] = {"a": Mean.of([1.0]), "b": Std.of([1.0, 2.0]), "c": Max.of([1.0])}
    assert pickle.loads(pickle.dumps(row)) == row
