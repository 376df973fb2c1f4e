"""Hand arithmetic and the golden values that the field's trainers share."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from sophia.grpo.estimators.batch import BatchAdvantages
from sophia.grpo.estimators.filtered import FilteredAdvantages
from sophia.grpo.estimators.group import GroupAdvantages, Scale
from sophia.grpo.estimators.leave_one_out import LeaveOneOutAdvantages
from sophia.grpo.estimators.per_part import PerPartAdvantages
from sophia.grpo.estimators.scores import AdvantageEstimator, Scores, collate_scores
from sophia.grpo.estimators.statistics import whitened
from sophia.types import Reward, RewardPart, ScoredGroup
from tests.builders import scored_group
from tests.grpo.scores import alone, scores_of

SCALES: tuple[Scale, ...] = ("group", "batch", "centred_batch", "mean", "none")
WITHIN_FAMILIES: tuple[AdvantageEstimator, ...] = (
    *(GroupAdvantages(scale=scale) for scale in SCALES),
    LeaveOneOutAdvantages(),
)
EVERY: tuple[AdvantageEstimator, ...] = (
    *WITHIN_FAMILIES,
    BatchAdvantages(),
    FilteredAdvantages(estimator=BatchAdvantages()),
    PerPartAdvantages(),
)


def of_group(*rewards: float | None, epsilon: float = 0.0) -> Tensor:
    return GroupAdvantages(epsilon=epsilon)(scores_of(rewards), everywhere=alone)


@pytest.mark.parametrize(
    ("epsilon", "expected"),
    [
        (1e-6, [0.956363, -0.956363, 0.765091, -0.765091]),  # verl, EasyR1
        (1e-4, [0.956182, -0.956182, 0.764946, -0.764946]),  # TRL
    ],
)
def test_golden_values(epsilon: float, expected: list[float]) -> None:
    # mean 0.5, unbiased std 0.5228129
    result = of_group(1.0, 0.0, 0.9, 0.1, epsilon=epsilon)
    torch.testing.assert_close(result, torch.tensor(expected), atol=1e-6, rtol=0)


def test_without_scaling_only_the_mean_is_taken_off() -> None:
    scores = scores_of([1.0, 0.0, 0.9, 0.1])
    result = GroupAdvantages(scale="none")(scores, everywhere=alone)
    torch.testing.assert_close(result, torch.tensor([0.5, -0.5, 0.4, -0.4]))


def test_batch_scaling_divides_all_groups_alike() -> None:
    # the other rank's 2, 0, 2, 0 join 1, 0, 3, 1: mean 9/8, variance 71/56
    scores = scores_of([1.0, 0.0, 3.0, 1.0], families=[0, 0, 1, 1])
    other = torch.tensor([2.0, 0.0, 2.0, 0.0], dtype=torch.float64)
    result = GroupAdvantages(scale="batch", epsilon=0.0)(
        scores, everywhere=lambda mine: torch.cat([mine, other])
    )
    expected = torch.tensor([0.5, -0.5, 1.0, -1.0]) / (71 / 56) ** 0.5
    torch.testing.assert_close(result, expected)


def test_unscored_completion_leaves_mean_and_std() -> None:
    # mean 2/3, std sqrt(1/3): (1/3) / 0.57735 = 0.57735, (-2/3) / 0.57735 = -1.154701
    expected = torch.tensor([0.577350, -1.154701, 0.0, 0.577350])
    torch.testing.assert_close(of_group(1.0, 0.0, None, 1.0), expected, atol=1e-6, rtol=0)


def test_fewer_than_two_left_contribute_nothing() -> None:
    scores = scores_of([0.7, None, None, None])
    assert GroupAdvantages(scale="none")(scores, everywhere=alone).tolist() == [0.0] * 4


def test_equal_rewards_give_exactly_zero_even_where_the_mean_rounds() -> None:
    assert of_group(*[0.1] * 7).tolist() == [0.0] * 7


def close(found: Tensor, expected: list[float]) -> None:
    torch.testing.assert_close(found, torch.tensor(expected), atol=1e-6, rtol=0)


def outcome_of(*rewards: float | None, families: list[int] | None = None) -> Scores:
    """Scores whose one part is the total."""
    values = [0.0 if reward is None else reward for reward in rewards]
    return scores_of(rewards, families=families, parts={"outcome": (values, 1.0)})


def test_centred_batch_divides_by_the_deviation_of_what_is_left() -> None:
    # 1, 0 and 3, 1 less their means: 0.5, -0.5, 1, -1, whose variance is 2.5 / 3
    scores = outcome_of(1.0, 0.0, 3.0, 1.0, families=[0, 0, 1, 1])
    found = GroupAdvantages(scale="centred_batch", epsilon=0.0)(scores, everywhere=alone)
    close(found, [0.547723, -0.547723, 1.095445, -1.095445])


def test_mean_divides_by_the_share_of_right_ones_and_is_0_where_none_is() -> None:
    # a quarter right: 0.75 / 0.25 and -0.25 / 0.25; means of 0, 0 and -2 weigh nothing
    scores = outcome_of(1, 0, 0, 0, 1, -1, 0, 0, -1, -3, families=[0] * 4 + [1, 1, 2, 2, 3, 3])
    found = GroupAdvantages(scale="mean")(scores, everywhere=alone)
    assert found.tolist() == [3.0, -1.0, -1.0, -1.0] + [0.0] * 6


def test_batch_compares_completions_of_all_ranks() -> None:
    # 1, 0 here and 3, 0 there: mean 1, variance 6 / 3
    other = torch.tensor([3.0, 0.0], dtype=torch.float64)
    found = BatchAdvantages(epsilon=0.0)(
        outcome_of(1.0, 0.0, families=[0, 1]), everywhere=lambda mine: torch.cat([mine, other])
    )
    close(found, [0.0, -0.707107])


def test_leave_one_out_is_the_distance_to_the_mean_of_the_others() -> None:
    # others of 1, 0, 0.5: 0.25, 0.75, 0.5; of 2 and 0 in a group with one that is not valid: 0, 2
    scores = outcome_of(1.0, 0.0, 0.5, 2.0, None, 0.0, families=[0, 0, 0, 1, 1, 1])
    found = LeaveOneOutAdvantages()(scores, everywhere=alone)
    close(found, [0.75, -0.75, 0.0, 2.0, 0.0, -2.0])


def test_the_filter_silences_what_is_beyond_three_deviations() -> None:
    # one right of eleven: z = (10/11) / sqrt(1/11) = 3.015, the others -0.3015; of ten: 2.846
    estimator = FilteredAdvantages(estimator=BatchAdvantages(epsilon=0.0))
    close(estimator(outcome_of(1, *[0] * 10), everywhere=alone), [0.0] + [-0.301511] * 10)
    close(estimator(outcome_of(1, *[0] * 9), everywhere=alone), [2.846050] + [-0.316228] * 9)
    lopsided = replace(estimator, lowest=-0.1, highest=9.0)
    close(lopsided(outcome_of(1, *[0] * 10), everywhere=alone), [3.015113] + [0.0] * 10)


def test_per_part_counts_parts_by_weight_whatever_their_spread() -> None:
    # each part of a pair is +-1/sqrt(2); b weighs half of a; the second pair is alike in a.
    # Sums 0.354 * (1, -1, -1, 1), whose variance is 0.5 / 3
    parts: dict[str, tuple[list[float], float]] = {
        "a": ([1.0, 0.0, 1.0, 1.0], 1.0),
        "b": ([0.0, 2.0, 0.0, 40.0], 0.5),
    }
    scores = scores_of([1.0, 1.0, 1.0, 21.0], families=[0, 0, 1, 1], parts=parts)
    found = PerPartAdvantages(epsilon=0.0)(scores, everywhere=alone)
    close(found, [0.866025, -0.866025, -0.866025, 0.866025])


def test_one_part_is_the_whitening_of_the_groups_scores() -> None:
    scores = outcome_of(1.0, 0.0, 0.9, 0.1, 2.0, 2.0, 3.0, families=[0, 0, 0, 0, 1, 1, 1])
    within = GroupAdvantages()(scores, everywhere=alone)
    expected = whitened(within, scores.valid, alone, epsilon=1e-6).float()
    torch.testing.assert_close(PerPartAdvantages()(scores, everywhere=alone), expected)


def test_leave_one_out_is_dr_grpos_times_g_over_g_minus_1() -> None:
    scores = outcome_of(1.0, 0.2, 0.9, 0.1, -2.0, 3.0, 3.5, families=[0, 0, 0, 0, 1, 1, 1])
    plain = GroupAdvantages(scale="none")(scores, everywhere=alone)
    factor = torch.tensor([4 / 3] * 4 + [3 / 2] * 3)
    torch.testing.assert_close(LeaveOneOutAdvantages()(scores, everywhere=alone), factor * plain)


def test_a_filter_without_bounds_is_its_estimator() -> None:
    scores = outcome_of(1.0, *[0.0] * 30, 9.0, None)
    for inner in EVERY:
        filtered = FilteredAdvantages(estimator=inner, lowest=-math.inf, highest=math.inf)
        assert torch.equal(filtered(scores, everywhere=alone), inner(scores, everywhere=alone)), (
            inner
        )
        assert filtered.min_generations == inner.min_generations


def test_nothing_to_compare_is_exactly_0() -> None:
    nothing = (
        outcome_of(None, None, None, None),
        outcome_of(None, 0.7, None, None),
        outcome_of(*[0.1] * 7),
        outcome_of(*[-1 / 3] * 5, None),
    )
    for estimator in EVERY:
        for scores in nothing:
            found = estimator(scores, everywhere=alone)
            assert found.tolist() == [0.0] * len(scores.totals), estimator
            assert found.dtype == torch.float32


def test_one_completion_per_prompt_is_for_the_batch_only() -> None:
    scores = outcome_of(1.0, 0.0, 0.5, families=[0, 1, 2])
    for estimator in EVERY:
        nonzero = bool(estimator(scores, everywhere=alone).any())
        assert nonzero == (estimator.min_generations == 1), estimator


def test_within_families_advantages_sum_to_0_and_only_differences_count() -> None:
    families = [0, 0, 0, 1, 1, 2, 2, 2, 2]
    rewards = [1.0, 0.25, 0.0, 3.0, 1.0, None, 0.5, 0.25, 0.0]
    shifted = [None if r is None else r + 10.0 for r in rewards]
    for estimator in WITHIN_FAMILIES:
        found = estimator(outcome_of(*rewards, families=families), everywhere=alone)
        sums = torch.zeros(3).index_add(0, torch.tensor(families), found)
        torch.testing.assert_close(sums, torch.zeros(3), atol=1e-5, rtol=0)
        assert found[5] == 0.0
        again = estimator(outcome_of(*shifted, families=families), everywhere=alone)
        scale = estimator.scale if isinstance(estimator, GroupAdvantages) else "none"
        assert torch.allclose(found, again, atol=1e-5) == (scale != "mean"), scale


def halved(whole: Scores, middle: int) -> tuple[Scores, Scores]:
    """What two ranks have of the scores."""

    def of(span: slice) -> Scores:
        parts = {
            name: replace(part, values=part.values[span], weights=part.weights[span])
            for name, part in whole.parts.items()
        }
        tensors: dict[str, Any] = {
            name: getattr(whole, name)[span]
            for name in ("totals", "families", "valid", "lengths", "truncated")
        }
        return Scores(parts=parts, **tensors)

    return of(slice(None, middle)), of(slice(middle, None))


def exchanging(estimator: AdvantageEstimator, ranks: tuple[Scores, Scores]) -> list[Tensor]:
    """What an estimator gives on both of two ranks, whose gathers are answered in their order."""
    asked: list[list[Tensor]] = [[], []]
    for scores, own in zip(ranks, asked, strict=True):

        def note(mine: Tensor, own: list[Tensor] = own) -> Tensor:
            own.append(mine)
            return mine

        estimator(scores, everywhere=note)
    assert len(asked[0]) == len(asked[1])  # or a run would wait for ever
    answers = [torch.cat(both) for both in zip(*asked, strict=True)]
    found = []
    for scores in ranks:
        left = iter(answers)
        found.append(estimator(scores, everywhere=lambda _, left=left: next(left)))  # type: ignore[misc]
    return found


def test_two_ranks_give_what_one_gives() -> None:
    rewards = [1.0, 0.0, 0.3, 0.6, 2.0, None, 0.5, 0.5]
    whole = outcome_of(*rewards, families=[0, 0, 1, 1, 2, 2, 3, 3])
    for scores in (whole, outcome_of(1.0, 0.0, None, None, families=[0, 0, 1, 1])):
        for estimator in EVERY:
            expected = estimator(scores, everywhere=alone)
            found = torch.cat(exchanging(estimator, halved(scores, len(scores.totals) // 2)))
            torch.testing.assert_close(found, expected)


def rewarded(*rewards: dict[str, float | None], **overrides: Any) -> ScoredGroup:
    """A group of completions whose parts weigh 1 each; None is an outcome that is unknown."""
    made = tuple(
        Reward(
            parts=tuple(RewardPart(name=n, value=v, weight=1.0) for n, v in parts.items()),
            total=None if None in parts.values() else sum(v or 0.0 for v in parts.values()),
        )
        for parts in rewards
    )
    return replace(scored_group([0.0] * len(made)), rewards=made, **overrides)


def test_groups_of_a_family_are_compared_with_each_other() -> None:
    groups = [
        scored_group([1.0, 0.0], family="a"),
        scored_group([0.5, 0.5]),
        scored_group([0.0, None], family="a"),
        scored_group([4.0, 2.0, 3.0]),
    ]
    scores = collate_scores(groups)
    assert scores.families.tolist() == [0, 0, 1, 1, 0, 0, 2, 2, 2]
    # the family's rewards are 1, 0 and 0: mean 1/3; alone, the third would have nothing beside it
    found = GroupAdvantages(scale="none")(scores, everywhere=alone)
    close(found, [2 / 3, -1 / 3, 0.0, 0.0, -1 / 3, 0.0, 1.0, -1.0, 0.0])


def test_a_part_that_a_group_lacks_adds_nothing_there() -> None:
    groups = [
        rewarded({"outcome": 1.0, "style": 0.0}, {"outcome": 0.0, "style": 0.0}),
        rewarded({"outcome": 0.0}, {"outcome": 1.0}),
        rewarded({"outcome": 0.0, "style": 3.0}, {"outcome": 0.0, "style": 1.0}),
    ]
    scores = collate_scores(groups)
    assert scores.parts["style"].values.tolist() == [0, 0, 0, 0, 3, 1]
    assert scores.parts["style"].weights.tolist() == [1, 1, 0, 0, 1, 1]
    # one part differs in each pair: +-1/sqrt(2), whose deviation over six is sqrt(3 / 5)
    size = 0.5**0.5 / 0.6**0.5
    found = PerPartAdvantages(epsilon=0.0)(scores, everywhere=alone)
    close(found, [size, -size, -size, size, size, -size])


def test_parts_add_up_to_the_total_behind_the_gate_too() -> None:
    length = RewardPart(name="length", value=0.7, weight=2.0)
    wrong = RewardPart(name="outcome", value=0.0, weight=1.0)
    gated = Reward(parts=(wrong, length), total=0.0, gated=True)
    other = Reward(parts=(wrong, length), total=1.4)
    scores = collate_scores([replace(scored_group([0.0, 0.0]), rewards=(gated, other))])
    sums = sum((p.weights * p.values for p in scores.parts.values()), torch.zeros(2))
    torch.testing.assert_close(sums.double(), scores.totals)
    # so the completion without the format is the worse of the two, as it is by its total
    assert PerPartAdvantages()(scores, everywhere=alone).sign().tolist() == [-1.0, 1.0]


def test_impossible_settings_are_refused() -> None:
    nan: Any = math.nan
    refused: list[tuple[Callable[[], object], str]] = [
        (lambda: GroupAdvantages(epsilon=-1.0), r"epsilon is -1\.0; it must be at least 0"),
        (lambda: BatchAdvantages(epsilon=-1e-9), r"epsilon is -1e-09; it must be at least 0"),
        (lambda: PerPartAdvantages(epsilon=nan), r"epsilon is nan; it must be at least 0"),
        (lambda: GroupAdvantages(scale="std"), r"scale is 'std'; it must be one of \('group'"),  # type: ignore[arg-type]
        (
            lambda: FilteredAdvantages(estimator=BatchAdvantages(), lowest=0.5),
            r"lowest 0\.5 and highest 3\.0 must have 0 between them; the paper's are -3 and 3",
        ),
        (
            lambda: FilteredAdvantages(estimator=BatchAdvantages(), highest=nan),
            r"lowest -3\.0 and highest nan must have 0 between them",
        ),
    ]
    for make, message in refused:
        with pytest.raises(ValueError, match=message):
            make()
