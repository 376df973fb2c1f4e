"""The rule of choices on the cases that it is known by."""

from __future__ import annotations

import pytest

from sophia.benchmarks.item import UNPARSED, Graded
from sophia.benchmarks.rules.choice import Choice, MMMUChoice, inferred_letter
from tests.benchmarks.rules.builders import OPTIONS, item


@pytest.mark.parametrize(
    ("answer", "letter"),
    [
        ("B", "B"), ("(B)", "B"), ("B.", "B"), (r"\boxed{B}", "B"), ("The answer is B.", "B"),
        ("**B**", "B"), ("B\n", "B"), ("答案 B", "B"), ("答案是B", None), ("Ｂ", None),
        ("b", None), ("$B$", None), ("A or B", None), ("A cat", "A"), ("<answer>B</answer>", None),
        ("None of these", "C"), ("a dog", "B"), ("A DOG", "A"), ("MY DOG", None),
        ("a red cat and a dog", None),
        ("It is 12", "D"), ("It is 120", "D"), ("It is 13", None), ("", None), ("   ", None),
        ("B one two three", "B"),  # the fourth word from the end, and the fifth:
        ("B one two three four five six seven eight nine ten eleven", None),
        ("B or so I think, well, B", None),  # B first stands too early
        ("Z", "Z"), ("Z or A", "A"), ("I can't process this file.", "Z"),
        ("Cannot determine the answer. B", "Z"), ("Failed to obtain answer via API B", None),
        ("<think>maybe A or B</think><answer>B</answer>", "A"),  # hence the tag comes off first
    ],
)  # fmt: skip
def test_letters_as_vlmevalkit_infers_them(answer: str, letter: str | None) -> None:
    assert inferred_letter(answer, OPTIONS) == letter


def test_a_text_counts_in_answers_up_to_twice_as_long_as_all_options() -> None:
    # 9 + 5 + 4 + 2 = 20 characters of options
    assert inferred_letter("a dog" + 35 * "!", OPTIONS) == "B"
    assert inferred_letter("a dog" + 36 * "!", OPTIONS) is None


def test_of_options_that_contain_each_other_the_longer_cannot_be_named_by_its_text() -> None:
    nested = {"A": "cat", "B": "black cat"}
    assert inferred_letter("cat", nested) == "A"
    assert inferred_letter("black cat", nested) is None


@pytest.mark.parametrize("said", ["The answer is **b** as seen", "correct answer is\nB here again"])
def test_a_stated_answer_is_read_by_the_source_and_not_by_the_release(said: str) -> None:
    behind = said + ", since the others do not fit the picture that is shown above"
    assert inferred_letter(behind, OPTIONS) == "B"
    assert inferred_letter(behind, OPTIONS, stated=False) is None
    assert inferred_letter(behind, {"A": "x"}) is None


def test_right_is_the_gold_letter_as_the_file_has_it() -> None:
    row = item("B", options=OPTIONS)
    assert Choice()(row, "B") == Graded(score=1.0, extracted="B")
    assert Choice()(row, "C") == Graded(score=0.0, extracted="C")
    assert Choice()(row, "A or B") == Choice()(row, "") == UNPARSED
    assert Choice()(item("b", options=OPTIONS), "B").score == 0.0
    late = "Answer is B. This fits what the picture of the animal shows"
    assert Choice()(row, late).score == 1.0
    assert Choice(stated=False)(row, late) == UNPARSED


def test_a_refusal_is_read_and_wrong() -> None:
    assert Choice()(item("B", options=OPTIONS), "Z") == Graded(score=0.0, extracted="Z")


@pytest.mark.parametrize(
    ("gold", "answer", "score", "extracted"),
    [
        ("2", "2", 1.0, "A"), ("2", "12", 1.0, "A"), ("2", "A", 1.0, "A"), ("2", "B", 0.0, "B"),
        ("2", "3", 0.0, None), ("2", "Other Answers", 0.0, "B"), ("C", "C", 0.0, "A"),
        ("B", "B", 1.0, "B"),
    ],
)  # fmt: skip
def test_an_open_question_of_mmmu_has_its_gold_text_and_other_answers(
    gold: str, answer: str, score: float, extracted: str | None
) -> None:
    assert MMMUChoice()(item(gold), answer) == Graded(score=score, extracted=extracted)


def test_a_row_of_mmmu_with_options_is_a_choice() -> None:
    assert MMMUChoice()(item("B", options=OPTIONS), "a dog").score == 1.0
    assert MMMUChoice()(item("B", options=OPTIONS), "A").score == 0.0


def test_an_answer_in_brackets_names_its_option() -> None:
    row = item("B", options=OPTIONS)  # CV-Bench's "(B)", as readers hand it out
    assert Choice()(row, "The answer is (B)") == Graded(score=1.0, extracted="B")
    assert Choice()(row, "C").score == 0.0
    assert Choice()(row, "b") == UNPARSED
