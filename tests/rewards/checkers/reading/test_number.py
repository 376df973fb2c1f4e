"""Plain numbers and their surroundings; more forms are in the truth table."""

from __future__ import annotations

from fractions import Fraction

import pytest

from sophia.rewards.checkers.reading.number import numbers_equal, parse_based, parse_number

_NOT_PLAIN = (
    "", "five", "5 or 6", "5-6", "5x", "5!", "2^{10}", "1,2", "32, 349", "(1,2)", "4 4/0", "11 7/6",
    "H2O", "1.5.2", "twice 5", "5 squared", "5万", "11\n5/6", "x+5", "\\sin(x)=5", "0x10",
    "5e999999", "0\\,42", "0\\displaystyle42", "5 of 6", "minus 5", "9" * 500,
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1,234.5", Fraction(2469, 2)),
        ("-4 4/9", Fraction(-40, 9)),
        ("1 000 4/9", Fraction(9004, 9)),
        ("3 x 10^8", Fraction(300_000_000)),
        ("10^{-3}", Fraction(1, 1000)),
        ("2 1/2 million", Fraction(2_500_000)),
        ("US$5", Fraction(5)),
        ("so 5 people", Fraction(5)),
        ("**72**", Fraction(72)),
        ("\\angle ABC = 50^\\circ", Fraction(50)),
        ("5 \\mathrm{~cm}", Fraction(5)),
    ],
)
def test_read(text: str, value: Fraction) -> None:
    number = parse_number(text)
    assert number is not None
    assert number.value == value


@pytest.mark.parametrize("text", _NOT_PLAIN)
def test_not_a_plain_number(text: str) -> None:
    assert parse_number(text) is None


@pytest.mark.parametrize(
    ("prediction", "gold", "tolerance", "equal"),
    [
        ("95", "100", 0.05, True),
        ("94.9", "100", 0.05, False),
        ("-95", "-100", 0.05, True),
        ("0.05", "0", 0.05, True),
        ("52%", "0.5", 0.05, True),
        ("333333.33", "1000000/3", 0.0, True),
        ("333333", "1000000/3", 0.0, False),  # a whole number does not approximate
        ("1000001/3", "1000000/3", 0.0, False),  # nor do fractions each other
    ],
)
def test_equality(prediction: str, gold: str, tolerance: float, equal: bool) -> None:
    ours, theirs = parse_number(prediction), parse_number(gold)
    assert ours is not None
    assert theirs is not None
    assert numbers_equal(ours, theirs, tolerance=tolerance) == equal


def test_based() -> None:
    assert parse_based("204_{5}") == parse_based("$204_5$") == ("204", 5)
    assert parse_based("204") is None
