"""What the quick tests before math-verify may say, and that they never contradict it."""

from __future__ import annotations

import itertools

import pytest
from math_verify import parse, verify

from sophia.rewards.checkers.reading.numeric import differ, value_at_a_point
from sophia.rewards.checkers.reading.symbolic import is_equal, parse_latex

_TEXTS = (
    "x^2+2 \\cdot x+1", "(x+1)^2", "x^2+2 \\cdot x", "\\sqrt{x^2}", "x", "|x|",
    "\\frac{x}{x+1}", "1-\\frac{1}{x+1}", "\\sin^2(x)+\\cos^2(x)", "1", "0.999999999", "0.333333",
    "\\frac{1}{3}", "50", "0.5", "\\log(x^2)", "2 \\cdot \\log(x)", "\\frac{1}{x-x}",
    "y=2 \\cdot x+1", "2 \\cdot y=4 \\cdot x+2", "y=2 \\cdot x+2", "x=3", "y=3", "3=x",
    "x=0.333333", "x=\\frac{1}{3}", "x^2+y^2=4", "x^2+y^2=5", "(1,2)", "(1,3)", "\\{1,2\\}",
    "\\{2,1\\}", "\\{1,3\\}", "x<3", "3>x", "[1,2)", "[1,2]", "2+i", "2-i", "\\sqrt{-1}", "i",
    "10^{20}+1", "10^{20}", "\\pi", "3.14159265", "e", "e^{x}", "a b", "ab", "n!",
    "n \\cdot (n-1)!",
)  # fmt: skip


def _read(text: str) -> list[object]:
    parsed: list[object] | None = parse_latex(text)
    assert parsed is not None
    return parsed


def test_verdicts_are_math_verifys() -> None:
    for gold, answer in (*itertools.pairwise(_TEXTS), *zip(_TEXTS, _TEXTS[2:], strict=False)):
        sides = _read(gold), _read(answer)
        slow = verify(*sides, timeout_seconds=None, allow_set_relation_comp=True)
        if {gold[0], answer[0]} != {"(", "\\"}:  # an interval and a set, which ours keeps apart
            assert is_equal(*sides, 0.0) == slow, (gold, answer)


@pytest.mark.parametrize("text", _TEXTS)
def test_the_quick_parser_reads_what_math_verify_reads(text: str) -> None:
    expected = parse(f"${text}$", parsing_timeout=None)
    assert repr(_read(text)[0]) == repr(expected[0])


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ("x+1", "x+2", True),
        ("\\sqrt{x^2}", "x", False),  # equal where x is positive
        ("\\frac{1}{3}", "0.333333", False),  # math-verify's business
        ("n!", "3", False),  # a function that is not known here
        ("(x+y)^{200}", "3", False),  # too large
        ("(1,2)", "(1,3)", False),  # an interval
        ("\\{1,x+1\\}", "\\{x+1,2\\}", True),
        ("y=2 \\cdot x+1", "4 \\cdot x+2=2 \\cdot y", False),
        ("y=2 \\cdot x+1", "x=2 \\cdot y+1", True),
        ("x^2=4", "x^2=5", False),  # not linear
    ],
)
def test_what_certainly_differs(first: str, second: str, said: bool) -> None:
    assert differ(_read(first)[0], _read(second)[0]) is said


def test_a_value_is_moderate_or_none() -> None:
    assert value_at_a_point(_read("\\frac{\\sqrt{16}}{5}")[0]) == pytest.approx(0.8)
    for text in ("9^{9^{9}}", "\\frac{1}{x-x}", "\\infty", "\\log(x-x)", "10^{12}"):
        assert value_at_a_point(_read(text)[0]) is None
