"""Hand arithmetic and the golden values that the field's trainers share."""

import pytest
import torch
from torch import Tensor

from sophia.grpo.estimators.group import GroupAdvantages
from tests.grpo.scores import alone, scores_of


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
