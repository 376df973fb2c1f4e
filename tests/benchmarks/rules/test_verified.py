"""Our strict reading: choices, yes or no, numbers, expressions."""

from __future__ import annotations

import pytest

from sophia.benchmarks.item import UNPARSED, Graded
from sophia.benchmarks.rules.verified import Verified
from tests.benchmarks.rules.builders import OPTIONS, item

CHOICE, YES_NO, MATH = (Verified(problem_type=t) for t in ("multiple choice", "yes/no", "math"))
CHART = Verified(problem_type="math", tolerance=0.05)


@pytest.mark.parametrize(
    ("answer", "score"),
    [
        ("B", 1.0), ("b", 1.0), ("$B$", 1.0), ("(B) a dog", 1.0), ("a dog", 1.0), ("C", 0.0),
        (r"\boxed{B}", 1.0), ("A or B", None), ("A cat or B", None), ("B. none", None),
        ("None of these", None), ("", None), ("E", None), ("I can't process this file.", None),
        ("A cat", None), ("not A", None), ("not B", None),
        ("B, because this is the animal that sits on the table near the window", 1.0),
    ],
)  # fmt: skip
def test_a_strict_choice_names_one_option_and_doubts_nothing(
    answer: str, score: float | None
) -> None:
    for gold in ("B", "(B)"):
        graded = CHOICE(item(gold, options=OPTIONS), answer)
        assert (graded.score, graded.parsed) == (score or 0.0, score is not None)


def test_an_open_row_among_choices_is_strictly_compared() -> None:
    assert CHOICE(item("2"), "2.0").score == 1.0
    assert CHOICE(item("2"), "12") == Graded(score=0.0, extracted="12")
    assert CHOICE(item("2"), "A").score == 0.0
    assert CHOICE(item("['6', 'six']"), "Six").score == 1.0
    assert CHOICE(item("['6', 'six']"), "7").score == 0.0


@pytest.mark.parametrize("said", ["B", "(b)", "y", "Y"])
def test_the_gold_of_a_list_of_choices_is_one_of_its_texts(said: str) -> None:
    """MathVista's golds are texts, which may be letters themselves."""
    assert CHOICE(item("y", columns={"choices": "['x', 'y']"}), said).score == 1.0
    turned = item("B", columns={"choices": "['B', 'A']"})
    assert (CHOICE(turned, "A").score, CHOICE(turned, "B").score) == (1.0, 0.0)
    named = item("145°", columns={"choices": "['35°', '145°']", "answer_option": "B"})
    assert (CHOICE(named, "B").score, CHOICE(named, "A").score) == (1.0, 0.0)


@pytest.mark.parametrize(
    ("answer", "score"),
    [
        ("Yes", 1.0), ("**Yes**", 1.0), ("yes: a cat", 1.0), ("No.", 0.0), ("yes or no", None),
        ("", None),
    ],
)  # fmt: skip
def test_a_strict_yes_or_no(answer: str, score: float | None) -> None:
    graded = YES_NO(item("Yes"), answer)
    assert (graded.score, graded.parsed) == (score or 0.0, score is not None)


@pytest.mark.parametrize(
    ("gold", "answer", "score"),
    [
        ("100", "105", 1.0), ("100", "105.1", 0.0), ("1000", "$1,000", 1.0), ("0", "0.0", 1.0),
        ("0", "0.06", 0.0), ("5", "5 or 6", 0.0), ("Red", "red.", 1.0), ("Red", "blue", 0.0),
        ("5", "5 cm", 1.0),
        ("5", "five cats or so maybe", None), ("5", "nan", None), ("5", "", None),
    ],
)  # fmt: skip
def test_a_strict_number_of_a_chart(gold: str, answer: str, score: float | None) -> None:
    graded = CHART(item(gold), answer)
    assert graded.score == (score or 0.0)
    assert graded.parsed is (score is not None)


@pytest.mark.parametrize(
    ("gold", "answer", "score"),
    [
        ("She sold 24 * 3 = <<24*3=72>>72 clips.\n#### 72", "72", 1.0),
        ("#### 1,080", "1080 dollars", 1.0), ("#### 72", "72.5", 0.0),
        ("#### 72", r"So it is \boxed{72}", 1.0), ("#### 72", r"48, then \boxed{72}", 1.0),
        (r"\frac{3}{4}", "0.75", 1.0), (r"\left( 3, \frac{\pi}{2} \right)", r"(3, \pi/2)", 1.0),
        (r"p - q", r"q - p", 0.0), (r"\text{Evelyn}", "evelyn", 1.0), ("6", "", None),
    ],
)  # fmt: skip
def test_gsm8k_and_math_500_are_numbers_and_expressions(
    gold: str, answer: str, score: float | None
) -> None:
    graded = MATH(item(gold), answer)
    assert (graded.score, graded.parsed) == (score or 0.0, score is not None)


def test_no_answer_outside_of_an_answer_that_is_cut() -> None:
    assert MATH(item("6"), "<think>6 and 7") == UNPARSED


def test_a_gold_that_cannot_be_read_leaves_the_answer_unparsed() -> None:
    assert CHOICE(item("a mouse", options=OPTIONS), "A") == UNPARSED


def test_settings_without_a_meaning_are_refused() -> None:
    with pytest.raises(ValueError, match=r"problem_type is 'chart'; known are \['OCR'"):
        Verified(problem_type="chart")
    with pytest.raises(ValueError, match=r"tolerance is -0\.1; it must be at least 0"):
        Verified(problem_type="math", tolerance=-0.1)
