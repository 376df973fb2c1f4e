"""The equation of the reward by hand arithmetic (arXiv:2505.17018, eq. 5)."""

from __future__ import annotations

from typing import Any

import pytest

from sophia.rewards.total import total_reward
from sophia.types import RewardPart


def total(**overrides: Any) -> float | None:
    terms: dict[str, Any] = {
        "outcome": 1.0, "outcome_weight": 1.0, "gamma": 1.0, "weight": 0.3, "thinking": 0.5,
        "others": (), "gated": False,
    }  # fmt: skip
    return total_reward(**{**terms, **overrides})


def part(value: float | None, weight: float) -> RewardPart:
    return RewardPart(name="mine", value=value, weight=weight)


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ({}, 1.15),  # 1 + 1 * 0.3 * 0.5
        ({"gamma": 0.45, "outcome": 0.0, "thinking": 0.8}, 0.108),  # figure 9: 0.45 * 0.3 * 0.8
        ({"weight": 0.0}, 1.0),
        ({"thinking": None}, 1.0),
        ({"thinking": 0.0}, 1.0),
        ({"others": [part(1.0, 0.1), part(-3.0, 0.01)]}, 1.22),  # 1.15 + 0.1 - 0.03
        ({"others": [part(None, 0.1)]}, 1.15),
        ({"outcome_weight": 0.9, "others": [part(1.0, 0.1)]}, 1.15),  # 0.9 + 0.1 + 0.15
        ({"outcome_weight": 0.0}, 0.15),
        ({"gated": True}, 0.0),
        ({"gated": True, "outcome": None}, 0.0),
    ],
)
def test_by_hand(terms: dict[str, Any], expected: float) -> None:
    assert total(**terms) == pytest.approx(expected)


def test_an_unscored_outcome_leaves_its_group() -> None:
    assert total(outcome=None) is None
