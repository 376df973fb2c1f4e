"""Values at the start, on the way, at the end and beyond."""

import math

import pytest

from sophia.schedules import Constant, Cosine, Exponential, Linear


def test_exponential_is_the_papers_alpha_exp_minus_step_over_t() -> None:
    schedule = Exponential(start=0.3, decay_steps=1500)
    assert schedule(0) == 0.3
    assert schedule(1500) == pytest.approx(0.3 / math.e)  # 0.1104
    assert schedule(3000) == pytest.approx(0.3 / math.e**2)


def test_linear_ends_and_stays() -> None:
    schedule = Linear(start=1.0, end=0.1, decay_steps=10)
    assert [schedule(step) for step in (0, 5, 10, 99)] == pytest.approx([1.0, 0.55, 0.1, 0.1])


def test_cosine_is_half_way_in_the_middle() -> None:
    schedule = Cosine(start=0.3, end=0.1, decay_steps=8)
    assert [schedule(step) for step in (0, 4, 8, 9)] == pytest.approx([0.3, 0.2, 0.1, 0.1])


def test_constant() -> None:
    assert Constant(value=0.3)(10**9) == 0.3
