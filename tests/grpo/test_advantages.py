"""Hand arithmetic and the golden values that the field's trainers share."""

import pytest
import torch

from sophia.grpo.advantages import group_advantages

ONE_GROUP = torch.zeros(4, dtype=torch.long)
ALL = torch.ones(4, dtype=torch.bool)


@pytest.mark.parametrize(
    ("epsilon", "expected"),
    [
        (1e-6, [0.956363, -0.956363, 0.765091, -0.765091]),  # verl, EasyR1
        (1e-4, [0.956182, -0.956182, 0.764946, -0.764946]),  # TRL
    ],
)
def test_golden_values(epsilon: float, expected: list[float]) -> None:
    # mean 0.5, unbiased std 0.5228129
    rewards = torch.tensor([1.0, 0.0, 0.9, 0.1])
    result = group_advantages(rewards, ONE_GROUP, ALL, scale="group", epsilon=epsilon)
    torch.testing.assert_close(result, torch.tensor(expected), atol=1e-6, rtol=0)


def test_without_scaling_only_the_mean_is_taken_off() -> None:
    rewards = torch.tensor([1.0, 0.0, 0.9, 0.1])
    result = group_advantages(rewards, ONE_GROUP, ALL, scale="none", epsilon=1e-6)
    torch.testing.assert_close(result, torch.tensor([0.5, -0.5, 0.4, -0.4]))


def test_batch_scaling_divides_all_groups_alike() -> None:
    rewards = torch.tensor([1.0, 0.0, 3.0, 1.0])
    groups = torch.tensor([0, 0, 1, 1])
    result = group_advantages(
        rewards, groups, ALL, scale="batch", epsilon=0.0, batch_std=torch.tensor(2.0)
    )
    torch.testing.assert_close(result, torch.tensor([0.25, -0.25, 0.5, -0.5]))


def test_unscored_completion_leaves_mean_and_std() -> None:
    rewards = torch.tensor([1.0, 0.0, 99.0, 1.0])
    valid = torch.tensor([True, True, False, True])
    result = group_advantages(rewards, ONE_GROUP, valid, scale="group", epsilon=0.0)
    # mean 2/3, std sqrt(1/3): (1/3) / 0.57735 = 0.57735, (-2/3) / 0.57735 = -1.154701
    expected = torch.tensor([0.577350, -1.154701, 0.0, 0.577350])
    torch.testing.assert_close(result, expected, atol=1e-6, rtol=0)


def test_fewer_than_two_left_contribute_nothing() -> None:
    valid = torch.tensor([True, False, False, False])
    result = group_advantages(torch.rand(4), ONE_GROUP, valid, scale="none", epsilon=0.0)
    assert result.tolist() == [0.0] * 4


def test_equal_rewards_give_exactly_zero_even_where_the_mean_rounds() -> None:
    rewards = torch.full((7,), 0.1, dtype=torch.float32)
    everything = torch.ones(7, dtype=torch.bool)
    result = group_advantages(
        rewards, torch.zeros(7, dtype=torch.long), everything, scale="group", epsilon=0.0
    )
    assert result.tolist() == [0.0] * 7
