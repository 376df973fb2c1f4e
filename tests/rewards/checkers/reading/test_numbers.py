"""Numbers and their surroundings; whole pairs are in the truth table."""

from __future__ import annotations

from fractions import Fraction

import pytest

from sophia.rewards.checkers.reading.numbers import read
from sophia.rewards.checkers.reading.quantity import Group, Quantity, agree

_UNREAD = (
    "", "five", "5x", "5xy", "4 4/0", "H2O", "1.5.2", "twice 5", "5 squared", "11 7/6", "x+5",
    "\\sin(x)+5", "0x10", "5e999999", "0\\,42", "0\\displaystyle42", "5 of 6", "minus 5", "9" * 500,
    "5 or so", "not 5", "about 5 or so people", "7 = 5", "2x = 16", "x=0 y=42", "1, 2, ...",
    "0(42)", "x=0 \\land y=42", "9^{9^{9}}", "1/0", "\\sqrt{-1}", "gcd(4, 6)", "5!!!!",
    "1^" * 199 + "1",
    "(" * 60 + "5" + ")" * 60, "[" * 12 + "x" + "]" * 12, "(1," * 12 + "x" + ")" * 12,
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1,234.5", Fraction(2469, 2)),
        ("-4 4/9", Fraction(-40, 9)),
        ("1 000 4/9", Fraction(9004, 9)),
        ("3 x 10^8", Fraction(300_000_000)),
        ("10^{-3}", Fraction(1, 1000)),
        ("7.3×10⁻³", Fraction(73, 10_000)),
        ("2 1/2 million", Fraction(2_500_000)),
        ("US$5", Fraction(5)),
        ("-$5", Fraction(-5)),
        ("so 5 people", Fraction(5)),
        ("**72**", Fraction(72)),
        ("\\angle ABC = 50^\\circ", Fraction(50)),
        ("5 \\mathrm{~cm}", Fraction(5)),
        ("5!", Fraction(120)),
        ("\\sqrt{16}/3", Fraction(4, 3)),
        ("8^{1/3}", Fraction(2)),
        ("2\\frac58", Fraction(21, 8)),
        ("2(1+3)", Fraction(8)),
        ("90° - 15°", Fraction(75)),
        ("22°30'", Fraction(45, 2)),
        ("x = 5+5+1 = 1/3 \\approx 0.33", Fraction(1, 3)),
        ("The area of triangle ABC is 12 square units.", Fraction(12)),
        ("12, since the sides are equal", Fraction(12)),
    ],
)
def test_value(text: str, value: Fraction) -> None:
    reading = read(text)
    assert isinstance(reading, Quantity)
    assert reading.value.number == value
    assert reading.value.is_exact


@pytest.mark.parametrize("text", _UNREAD)
def test_not_read(text: str) -> None:
    assert read(text) is None


def test_what_stands_beside_a_value() -> None:
    assert read("5 kg*m/s^2") == read("5 kilograms * meters per second^2")
    for text, unit in (
        ("18m", "meter"),
        ("6πcm^{2}", "centimeter^2"),
        ("5 cubic feet", "foot^3"),
        ("5平方米", "meter^2"),
        ("5 KM", "kilometer"),
        ("€5", "euro"),
        ("5 units", ""),
        ("5 in total", ""),
        ("5 m/s/s", "meter*second^-2"),
        ("5 kg·m s^{-2}", "kilogram*meter*second^-2"),
        ("5 cm*cm", "centimeter^2"),
        ("5 cups", ""),
        ("5 degrees Celsius", "celsius"),
    ):
        reading = read(text)
        assert isinstance(reading, Quantity)
        assert reading.unit == unit
    apples, angle = read("5 red apples in total"), read("\\sin A = 3/5")
    assert isinstance(apples, Quantity)
    assert apples.nouns == {"red", "apple"}
    assert isinstance(angle, Quantity)
    assert angle.name == "sinA"


def test_a_decimal_comma_is_read_on_demand_and_not_in_brackets() -> None:
    reading = read("x = 2,74 m", decimal_comma=True)
    assert isinstance(reading, Quantity)
    assert reading.value.number == Fraction(274, 100)
    for text in ("(2,74)", "\\{2,74\\}", "1,234", "1,2,3", "2, 74"):
        assert read(text, decimal_comma=True) is None


def test_repeating_decimals() -> None:
    for text, value in (
        ("0.\\overline{6}", Fraction(2, 3)),
        ("-1.2\\overline{36}", Fraction(-68, 55)),
        ("0.00\\overline{9}", Fraction(1, 100)),
    ):
        reading = read(text)
        assert isinstance(reading, Quantity)
        assert reading.value.number == value


def test_groups() -> None:
    numbers = [item.value.number for item in _items("(2.5, -4)")]
    assert numbers == [Fraction(5, 2), -4]
    assert _group("[0, 1)").brackets == "[)"
    assert _group("\\langle 4, 7 \\rangle").brackets == "()"
    assert len(_group("x = 1 \\pm \\sqrt{19}").items) == 2
    assert _group("8 and 21").brackets == _group("\\{8, 21\\}").brackets == ""


def _group(text: str) -> Group:
    reading = read(text)
    assert isinstance(reading, Group)
    return reading


def _items(text: str) -> list[Quantity]:
    return [item for item in _group(text).items if isinstance(item, Quantity)]


@pytest.mark.parametrize(
    ("prediction", "gold", "tolerance", "equal"),
    [
        ("95", "100", 0.05, True),
        ("94.9", "100", 0.05, False),
        ("-95", "-100", 0.05, True),
        ("0.05", "0", 0.05, True),
        ("52%", "0.5", 0.05, True),
        ("9.9\\pi", "31", 0.05, True),
        ("333333.33", "1000000/3", 0.0, True),
        ("333333", "1000000/3", 0.0, False),  # a whole number does not approximate
        ("500000.6", "1000001/2", 0.0, False),  # nor does a decimal that is another one
        ("1000001/3", "1000000/3", 0.0, False),  # nor do fractions each other
        ("-0.333333", "-1/3", 0.0, True),
        ("4.1231056", "\\sqrt{17}", 0.0, True),
        ("4.12310", "\\sqrt{17}", 0.0, False),
        ("\\sqrt{2}+\\sqrt{3}", "\\sqrt{5+2\\sqrt{6}}", 0.0, True),
        ("\\frac{1}{\\sqrt{2}}", "\\frac{\\sqrt{2}}{2}", 0.0, True),
        ("\\sqrt{2}", "\\frac{99}{70}", 0.0, False),
    ],
)
def test_equality(prediction: str, gold: str, tolerance: float, equal: bool) -> None:
    ours, theirs = read(prediction), read(gold)
    assert ours is not None
    assert theirs is not None
    assert agree(ours, theirs, tolerance=tolerance) == equal
