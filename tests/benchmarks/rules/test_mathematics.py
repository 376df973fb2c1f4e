"""MathVista, MathVerse and MathVision."""

from __future__ import annotations

import pytest

from sophia.benchmarks.item import UNPARSED, Graded
from sophia.benchmarks.rules.mathverse import MathVerse
from sophia.benchmarks.rules.mathvision import MathVisionVerified
from sophia.benchmarks.rules.mathvista import MathVista, MathVistaVLMEvalKit
from tests.benchmarks.rules.builders import item

CHOICES = "['3/11', '8/11', 'a red circle']"
COLUMNS = {"question_type": "multi_choice", "answer_type": "text", "choices": CHOICES}
FREE = {"question_type": "free_form", "choices": "None"}


@pytest.mark.parametrize(
    ("answer", "extracted"),
    [
        ("B", "8/11"), ("(b) 8/11", "8/11"), ("It is (C), not (A)", "a red circle"),
        ("8/11", "8/11"), ("9/11", "3/11"), ("red circle", "a red circle"),
        ("(Z)", "3/11"),  # 9/11 is one sign off two of them, Z four off: the first of equals
    ],
)  # fmt: skip
def test_a_choice_of_mathvista_is_named_or_the_nearest(answer: str, extracted: str) -> None:
    row = item("8/11", columns=COLUMNS)
    graded = Graded(score=float(extracted == "8/11"), extracted=extracted)
    assert MathVista()(row, answer) == graded


def test_the_nearest_choice_is_not_taken_where_a_model_can_be_asked() -> None:
    row, rule = item("8/11", columns=COLUMNS), MathVista(nearest=False)
    assert rule(row, "red circle") == UNPARSED
    assert rule(row, "(B)").score == rule(row, "8/11").score == 1.0
    assert MathVista()(row, " ") == UNPARSED


@pytest.mark.parametrize(
    ("kind", "precision", "gold", "answer", "official", "vlmevalkit"),
    [
        ("integer", "", "5", "5", 1.0, 1.0), ("integer", "", "5", "5.0", 1.0, None),
        ("integer", "", "5", "5.9", 1.0, None), ("integer", "", "5", "6", 0.0, 0.0),
        ("integer", "", "0", "0", 1.0, 1.0), ("integer", "", "5", "5 cm", None, None),
        ("integer", "", "5", "nan", None, None), ("integer", "", "5", "inf", None, None),
        ("float", "1", "1.4", "1.44", 1.0, 0.0), ("float", "1.0", "1.4", "1.4", 1.0, 1.0),
        ("float", "1", "1.40", "1.4", 0.0, 1.0), ("float", "2", "1.45", "$1.45", None, None),
        ("float", "", "1.4", "1.4", None, 1.0),
        ("list", "", "[2007, 2008]", "[2007, 2008]", 1.0, 0.0),
        ("list", "", "[2007, 2008]", "[2007,2008]", 0.0, 0.0), ("list", "", "[1]", "", None, None),
    ],
)  # fmt: skip
def test_numbers_of_mathvista_as_its_authors_and_as_vlmevalkit_read_them(
    kind: str, precision: str, gold: str, answer: str, official: float | None,
    vlmevalkit: float | None,
) -> None:  # fmt: skip
    row = item(gold, columns={**FREE, "answer_type": kind, "precision": precision})
    for rule, score in ((MathVista(), official), (MathVistaVLMEvalKit(), vlmevalkit)):
        graded = rule(row, answer)
        assert graded.score == (score or 0.0)
        assert graded.parsed is (score is not None)


def test_a_choice_of_vlmevalkits_mathvista_is_inferred_and_compared_with_the_gold_letter() -> None:
    row = item("8/11", columns={**COLUMNS, "answer_option": "B"})
    assert MathVistaVLMEvalKit()(row, "The answer is B").score == 1.0
    assert MathVistaVLMEvalKit()(row, "8/11").extracted == "B"
    assert MathVistaVLMEvalKit()(row, "9/11") == UNPARSED
    assert MathVistaVLMEvalKit()(item("8/11", columns=COLUMNS), "B").score == 1.0


def test_choices_that_are_no_list_are_an_error_that_says_so() -> None:
    row = item("A", columns={**COLUMNS, "choices": "3/11 or 8/11"})
    with pytest.raises(ValueError, match=r"row 7: column choices is '3/11 or 8/11'; expected"):
        MathVista()(row, "A")


@pytest.mark.parametrize(
    ("gold", "answer", "right"),
    [
        ("B", " B ", True), ("12", "12", True), ("12", "12.0", False), ("B", "B.", False),
        ("", "", False),
    ],
)  # fmt: skip
def test_mathverse_by_rule_is_equality_or_nothing(gold: str, answer: str, right: bool) -> None:
    graded = MathVerse()(item(gold), answer)
    assert (graded.score, graded.parsed) == (float(right), right)


def test_mathvision_is_a_choice_or_mathematics() -> None:
    assert MathVisionVerified()(item("B", columns={"choices": "['3', '4']"}), "4").score == 1.0
    assert MathVisionVerified()(item("B", columns={"choices": "['3', '4']"}), "5") == UNPARSED
    row = item("0.5", columns={"choices": "[]"})
    assert MathVisionVerified()(row, r"\frac{1}{2}").score == 1.0
    assert MathVisionVerified()(row, "2") == Graded(score=0.0, extracted="2")
