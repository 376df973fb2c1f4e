"""What holds for every pair of a gold answer and an answer, on pairs that hypothesis draws."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sophia.rewards.checkers.reading.numbers import read
from sophia.rewards.outcome import OutcomeReward
from tests.rewards.builders import answering, prompt

_IN_ORDER = "SOPHIA_HYPOTHESIS" not in os.environ
"""The same pairs in every run; SOPHIA_HYPOTHESIS=1 and --hypothesis-seed draw others."""

_LENGTHS = ("mm", "cm", "m", "km", "inches", "miles", "海里")
_WEIGHTS = ("mg", "g", "kg", "tons", "pounds")
_PIECES = (
    "5", "75°", ".", ",", "1,000", "\\frac{1}{2}", "\\sqrt", "{", "}", "(", ")", "\\pi", "cm", " ",
    "=", "+", "-", "^", "/", "x", "AB", "or", "and", "is", "not", "答案是", "%", "$", "\\boxed{5}",
    "\n", ":", "\\begin{cases}", "\\", "yes", "B", "a cat", "|", "_", "√", "²", "\\infty",
    "\\text{",
)  # fmt: skip
_GOLDS = (
    "75°", "18m", "4\\sqrt{17}", "x+1", "8, 21", "(2, 3)", "14-11", "20:34", "Evelyn", "E", "50%",
    "\\frac{1}{", "", "It cannot be known from this.", "7 = 42", "0(42)", "x \\geq 5", "f'", "\\&",
    "\\begin{cases} a=1 \\\\ b=2 \\end{cases}", "6πcm", "1,234", "$", "...", "\\sin x = 1",
)  # fmt: skip
_noise = st.lists(st.sampled_from(_PIECES), max_size=8).map("".join)


@pytest.fixture(scope="module")
def reward() -> Iterator[OutcomeReward]:
    reward = OutcomeReward(timeout_s=10.0, num_workers=1)
    yield reward
    reward.close()


def _decimals(number: Fraction) -> str:
    """The number with as many decimals as it has: at most four here."""
    return f"{float(number):.4f}".rstrip("0").rstrip(".")


_SPELLINGS: tuple[Callable[[Fraction], str], ...] = (
    _decimals,
    lambda number: f"{_decimals(number)}0" if "." in _decimals(number) else f"{number}.0",
    lambda number: f"{float(number):,.4f}",
    lambda number: f"{number.numerator}/{number.denominator}",
    lambda number: f"\\frac{{{number.numerator}}}{{{number.denominator}}}",
    lambda number: f"\\dfrac{{{number.numerator * 2}}}{{{number.denominator * 2}}}",
    lambda number: f"{_decimals(number * 3)}/3",
    lambda number: f"{_decimals(number / 100)} \\times 10^2",
    lambda number: f"${_decimals(number)}$",
    lambda number: f"x = {_decimals(number)}",
    lambda number: f"The value of x is {_decimals(number)}.",
    lambda number: _decimals(number).replace("-", "−"),
    lambda number: f"\\sqrt{{{_decimals(number**2)}}}" if number >= 0 else f"-({-number})",
)
_hundredths = st.integers(-99_999, 99_999).map(lambda number: Fraction(number, 100))
_spelling = st.sampled_from(_SPELLINGS)


@settings(max_examples=120, deadline=None, derandomize=_IN_ORDER)
@given(gold=st.sampled_from(_GOLDS) | _noise, answers=st.lists(_noise, min_size=2, max_size=4))
def test_none_follows_from_the_gold_alone(
    gold: str, answers: list[str], reward: OutcomeReward
) -> None:
    row = prompt(answer=gold, problem_type="math")
    scores = [reward(row, answering(answer)) for answer in (*answers, gold)]
    assert len({score is None for score in scores}) == 1
    assert scores == [reward(row, answering(answer)) for answer in (*answers, gold)]


@settings(max_examples=400, deadline=None, derandomize=_IN_ORDER)
@given(value=_hundredths, other=_hundredths, gold=_spelling, answer=_spelling, same=st.booleans())
def test_a_number_is_right_exactly_when_it_is_that_number(
    value: Fraction,
    other: Fraction,
    gold: Callable[[Fraction], str],
    answer: Callable[[Fraction], str],
    same: bool,
    reward: OutcomeReward,
) -> None:
    said = value if same else other
    score = reward(prompt(answer=gold(value)), answering(answer(said)))
    assert score == float(said == value)


@settings(max_examples=200, deadline=None, derandomize=_IN_ORDER)
@given(value=_hundredths, spelling=_spelling, shift=st.sampled_from((10, 100, 1000)))
def test_a_decimal_point_elsewhere_is_another_number(
    value: Fraction, spelling: Callable[[Fraction], str], shift: int, reward: OutcomeReward
) -> None:
    score = reward(prompt(answer=_decimals(value)), answering(spelling(value / shift)))
    assert score == float(value == 0)


@settings(max_examples=200, deadline=None, derandomize=_IN_ORDER)
@given(
    number=st.integers(1, 9999),
    units=st.sampled_from((_LENGTHS, _WEIGHTS)).flatmap(
        lambda units: st.tuples(st.sampled_from(units), st.sampled_from(units))
    ),
    blank=st.sampled_from(("", " ", "\\text{ }")),
    value=st.sampled_from(("{}", "{}π", "{}\\sqrt{{3}}", "2√{}", "{}/7")),
)
def test_a_unit_does_not_make_a_bare_number_wrong_and_another_unit_is_never_right(
    number: int, units: tuple[str, str], blank: str, value: str, reward: OutcomeReward
) -> None:
    ours, theirs = units
    bare = value.format(number)
    gold = prompt(answer=f"{bare}{blank}{ours}")
    assert reward(gold, answering(bare)) == 1.0
    assert reward(prompt(answer=bare), answering(f"{bare} {ours}")) == 1.0
    assert reward(gold, answering(f"{bare} {theirs}")) == float(ours == theirs)


@settings(max_examples=200, deadline=None, derandomize=_IN_ORDER)
@given(
    gold=st.lists(st.integers(-99, 99), min_size=2, max_size=4, unique=True),
    other=st.integers(-99, 99),
    place=st.integers(0, 1),
)
def test_tuples_in_order_and_lists_in_any(
    gold: list[int], other: int, place: int, reward: OutcomeReward
) -> None:
    changed = [other if index == place else number for index, number in enumerate(gold)]
    for spelling, in_order in (
        ("({})", True),
        ("\\langle {} \\rangle", True),
        ("\\{{{}\\}}", False),
    ):
        row = prompt(answer=spelling.format(", ".join(map(str, gold))))
        for numbers in (gold, gold[::-1], changed, gold[1:]):
            score = reward(row, answering(spelling.format(", ".join(map(str, numbers)))))
            assert score == float(numbers == gold if in_order else set(numbers) == set(gold))


@settings(max_examples=150, deadline=None, derandomize=_IN_ORDER)
@given(piece=_noise.filter(bool), times=st.integers(1, 400))
def test_reading_takes_no_time(piece: str, times: int) -> None:
    text = (piece * times)[:400]
    started = time.process_time()
    read(text)
    assert time.process_time() - started < 0.5
