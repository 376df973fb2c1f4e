"""gamma against the values printed in the paper (arXiv:2505.17018, figures 4, 8, 9) and by hand."""

import math

import pytest

from sophia.rewards.trust import trust_weight


@pytest.mark.parametrize(
    ("right", "wrong", "printed"), [(0.0, 0.8, 0.45), (0.2, 0.5, 0.74), (0.1, 0.81, 0.49)]
)
def test_values_of_the_figures(right: float, wrong: float, printed: float) -> None:
    assert trust_weight([right, wrong], [True, False]) == pytest.approx(printed, abs=0.005)


def test_means_of_both_sides_are_compared() -> None:
    # right (0.2 + 0.4) / 2 = 0.3, wrong (0.9 + 0.5) / 2 = 0.7
    gamma = trust_weight([0.2, 0.9, 0.4, 0.5], [True, False, True, False])
    assert gamma == pytest.approx(math.exp(-0.4))


def test_agreement_is_trusted_fully() -> None:
    assert trust_weight([0.8, 0.3], [True, False]) == 1.0


@pytest.mark.parametrize("correct", [True, False])
def test_an_empty_side_is_no_evidence(correct: bool) -> None:
    assert trust_weight([0.1, 0.9], [correct, correct]) == 1.0


def test_smallest_value_is_one_over_e() -> None:
    assert trust_weight([0.0, 1.0], [True, False]) == pytest.approx(1 / math.e)
