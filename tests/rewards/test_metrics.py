"""What ranks measured apart is what one process would have measured of all their groups."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from sophia.measure.health import Limits, findings
from sophia.metrics import merged, values
from sophia.rewards.metrics import reward_metrics
from sophia.types import Reward, RewardPart, ScoredGroup
from tests.builders import RIGHT, rollout

Scored = tuple[float | None, float | None]  # outcome, thinking


def group(scored: Sequence[Scored], *, trust: float = 1.0, counted: bool = True) -> ScoredGroup:
    """A group of these completions; the thinking weighs 0.5 where it counts."""
    weight = 0.5 * trust if counted else 0.0
    rewards = tuple(
        Reward(
            parts=(
                RewardPart(name="outcome", value=outcome, weight=1.0),
                RewardPart(name="thinking", value=thinking, weight=weight),
            ),
            total=None if outcome is None else outcome + weight * (thinking or 0.0),
        )
        for outcome, thinking in scored
    )
    return ScoredGroup(
        rollout=rollout([RIGHT] * len(scored)), rewards=rewards, trust=trust,
        thinking_counted=counted,
    )  # fmt: skip


MANY = [
    group([(1.0, 0.25), (0.0, 0.75), (1.0, 0.5), (0.0, 0.0)], trust=0.75),
    group([(1.0, 1.0), (1.0, 0.5), (1.0, 0.75)]),
    group([(None, None), (None, None)], counted=False),
]
FEW = [group([(0.0, 0.125), (0.0, None), (None, None)], counted=False)]
UNSCORED = [group([(None, None), (None, None)], counted=False)]


@pytest.mark.parametrize(
    "ranks", [(MANY, FEW), (FEW, MANY), (MANY, UNSCORED), (UNSCORED, FEW), (FEW, UNSCORED, MANY)]
)
def test_ranks_together_are_one_process(ranks: tuple[list[ScoredGroup], ...]) -> None:
    alone = values(reward_metrics([g for groups in ranks for g in groups]))
    together = values(merged([reward_metrics(groups) for groups in ranks]))
    assert together == pytest.approx(alone, rel=1e-14)
    assert together.keys() == alone.keys()


def test_unequal_ranks_by_hand() -> None:
    row = values(merged([reward_metrics(MANY), reward_metrics(FEW)]))
    # right answers: 0.25, 0.5, 1, 0.5, 0.75 on one rank, none on the other
    assert row["thinking/correct_mean"] == 0.6
    # wrong answers: 0.75 and 0 on one rank, 0.125 on the other; the mean of the means is 0.25
    assert row["thinking/wrong_mean"] == pytest.approx(0.875 / 3)
    # five of seven and none of two
    assert row["accuracy"] == pytest.approx(5 / 9)
    assert row["trust/gamma"] == pytest.approx((0.75 + 1.0 + 1.0 + 1.0) / 4)
    assert row["trust/frac_below_one"] == 0.25
    assert row["thinking/frac_groups_counted"] == 0.5
    assert row["group/mixed"] == 0.25
    assert row["rewards/outcome/unscored"] == 3.0


def test_a_rank_that_could_score_nothing_does_not_pull_the_reward_to_zero() -> None:
    alone, nothing = values(reward_metrics(FEW)), reward_metrics(UNSCORED)
    assert values(merged([reward_metrics(FEW), nothing]))["reward"] == alone["reward"]
    assert not {"reward", "accuracy", "rewards/outcome/std"} & values(nothing).keys()
    assert values(nothing)["rewards/outcome/unscored"] == 2.0


def test_without_a_thinking_reward_there_is_nothing_of_it() -> None:
    plain = ScoredGroup(
        rollout=rollout([RIGHT]),
        rewards=(Reward(parts=(RewardPart(name="outcome", value=1.0, weight=1.0),), total=1.0),),
        trust=1.0,
        thinking_counted=False,
    )
    names = values(reward_metrics([plain])).keys()
    assert not [name for name in names if name.startswith(("thinking/", "trust/"))]


def test_one_completion_per_prompt_has_no_deviation_and_no_alarm() -> None:
    row = values(reward_metrics([group([(1.0, 0.5)]), group([(0.0, 0.5)])]))
    assert row["reward"] == 0.75
    assert not {"reward_std", "frac_reward_zero_std"} & set(row)
    assert findings([row] * 30, Limits()) == []
