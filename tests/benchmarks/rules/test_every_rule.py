"""What holds for each of the rules."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from sophia.benchmarks.item import UNPARSED, Item, Rule
from sophia.benchmarks.rules.choice import Choice, MMMUChoice
from sophia.benchmarks.rules.mathverse import MathVerse
from sophia.benchmarks.rules.mathvision import MathVisionVerified
from sophia.benchmarks.rules.mathvista import MathVista, MathVistaVLMEvalKit
from sophia.benchmarks.rules.relaxed import Relaxed
from sophia.benchmarks.rules.verdict import AnswerNamed, StrictVerdict
from sophia.benchmarks.rules.verified import Verified
from sophia.benchmarks.rules.yes_no import YesNo
from tests.benchmarks.rules.builders import OPTIONS, item

NUMBER = item("5", columns={"question_type": "free_form", "answer_type": "integer"})
CHOICE = item("a dog", options=OPTIONS, columns={"question_type": "multi_choice"})
RULES: list[tuple[Rule, Item]] = [
    (Choice(), item("B", options=OPTIONS)), (MMMUChoice(), item("B", options=OPTIONS)),
    (MMMUChoice(), item("5")), (YesNo(), item("Yes")),
    (Relaxed(), item("5")), (MathVista(), NUMBER), (MathVista(), CHOICE),
    (MathVistaVLMEvalKit(), NUMBER), (MathVistaVLMEvalKit(), CHOICE), (MathVerse(), item("5")),
    (MathVisionVerified(), item("5")), (AnswerNamed(), item("1")), (StrictVerdict(), item("1")),
    (Verified(problem_type="multiple choice"), item("B", options=OPTIONS)),
    (Verified(problem_type="yes/no"), item("Yes")), (Verified(problem_type="math"), item("5")),
]  # fmt: skip
HOSTILE = ("answer is ", "1", "B ", "(", "[", "yes. ", "9%", "\\frac{", "not ", "\x00", "是")


@pytest.mark.parametrize(("rule", "row"), RULES, ids=lambda value: type(value).__name__)
def test_an_answer_of_a_hundred_thousand_characters_is_graded_at_once(
    rule: Rule, row: Item
) -> None:
    began = time.process_time()
    for piece in HOSTILE:
        rule(row, piece * (100_000 // len(piece)))
    assert time.process_time() - began < 10.0  # what grows with the square takes minutes


@pytest.mark.parametrize(("rule", "row"), RULES, ids=lambda value: type(value).__name__)
def test_no_answer_is_unparsed_and_wrong(rule: Rule, row: Item) -> None:
    assert rule(row, "") == rule(row, " \n") == UNPARSED


CELLS = (
    "[{[]: 1}]", "[" + "-" * 100_000 + "1]", "-" * 5000 + "1", "[\x00]", "[" * 300, "nan", "1e999",
)  # fmt: skip


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell[:9])
@pytest.mark.parametrize(("rule", "row"), RULES, ids=lambda value: type(value).__name__)
def test_a_cell_of_the_file_is_a_text_or_an_error_of_its_row(
    rule: Rule, row: Item, cell: str
) -> None:
    columns = {**row.extra, "choices": cell, "precision": cell, "answer_type": "float"}
    for odd in (replace(row, answer=cell), replace(row, options={}, extra=columns)):
        try:
            graded = rule(odd, "5")
        except ValueError:  # which the grader writes down as the failure of the question
            continue
        assert graded.score in (0.0, 1.0)
