"""Intervals that cover, that pair, and that know shared units."""

from __future__ import annotations

import numpy as np
import pytest

from sophia.evaluation.bootstrap import UnitBootstrap


def test_interval_of_a_share_is_the_binomial_one() -> None:
    # 400 items with a unit each, half of them right: 0.5 +- 1.96 * 0.025
    values = np.tile([0.0, 1.0], 200)
    estimate = UnitBootstrap([(i,) for i in range(400)]).mean(values)
    assert estimate.value == 0.5
    assert estimate.low == pytest.approx(0.451, abs=0.006)
    assert estimate.high == pytest.approx(0.549, abs=0.006)


def test_items_of_one_unit_are_one_observation() -> None:
    values = np.repeat([0.0, 1.0] * 20, 10)
    clustered = UnitBootstrap([(i // 10,) for i in range(400)]).mean(values)
    alone = UnitBootstrap([(i,) for i in range(400)]).mean(values)
    assert clustered.high - clustered.low > 2.5 * (alone.high - alone.low)


def test_a_paired_difference_ignores_what_both_share() -> None:
    hard = np.tile([0.0, 0.0, 1.0, 1.0], 50)
    better = np.maximum(hard, np.tile([0.0, 1.0, 0.0, 0.0], 50))
    bootstrap = UnitBootstrap([(i,) for i in range(200)])
    change = bootstrap.difference(hard, better)
    assert change.value == 0.25
    assert change.high - change.low < 0.13  # unpaired it would be 0.19


def test_a_share_among_some_items() -> None:
    values = np.array([1.0, 0.0, 1.0, 1.0])
    among = np.array([1.0, 1.0, 0.0, 0.0])
    assert UnitBootstrap([(i,) for i in range(4)]).mean(values, among).value == 0.5


def test_nothing_to_average_is_nan() -> None:
    estimate = UnitBootstrap([(0,), (1,)]).mean(np.ones(2), np.zeros(2))
    assert np.isnan(estimate.value)
    assert np.isnan(estimate.low)
