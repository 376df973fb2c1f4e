"""The official rules on the cases that they are known by."""

from __future__ import annotations

import pytest

from sophia.benchmarks.item import Item
from sophia.benchmarks.rules.choice import choice, inferred_letter
from sophia.benchmarks.rules.relaxed import relaxed
from sophia.benchmarks.rules.yes_no import yes_no

OPTIONS = {"A": "a red cat", "B": "a dog", "C": "none", "D": "12"}


def item(answer: str, **fields: object) -> Item:
    return Item(index="1", question="?", answer=answer, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("answer", "letter"),
    [
        ("B", "B"), ("(B)", "B"), ("B.", "B"), (r"\boxed{B}", "B"), ("The answer is B.", "B"),
        ("b", None), ("$B$", None), ("A or B", None), ("A cat", "A"),
        ("None of these", "C"), ("a dog", "B"), ("Z", "Z"), ("", None),
        ("B because of one two three four five six", None),
    ],
)  # fmt: skip
def test_letters_as_vlmevalkit_infers_them(answer: str, letter: str | None) -> None:
    assert inferred_letter(answer, OPTIONS) == letter


def test_what_is_not_inferred_is_wrong() -> None:
    assert choice(item("B", options=OPTIONS), "B").right
    assert not choice(item("B", options=OPTIONS), "A or B").right
    assert choice(item("B", options=OPTIONS), "A or B").extracted is None


@pytest.mark.parametrize(
    ("gold", "answer", "right", "extracted"),
    [
        ("Yes", "Yes.", True, "yes"), ("No", "no", True, "no"), ("Yes", "I know", False, None),
        ("Yes", "yes or no", False, None), ("No", "The answer is yes", False, "yes"),
    ],
)  # fmt: skip
def test_yes_or_no(gold: str, answer: str, right: bool, extracted: str | None) -> None:
    graded = yes_no(item(gold), answer)
    assert (graded.right, graded.extracted) == (right, extracted)


@pytest.mark.parametrize(
    ("gold", "answer", "right"),
    [
        ("100", "105", True), ("100", "105.1", False), ("0", "0.0", False), ("0", "0", True),
        ("12", "12%", False), ("0.12", "12%", True), ("1000", "1,000", False), ("Red", "red", True),
        ("-20", "-19", True), ("5", "$5", False),
    ],
)  # fmt: skip
def test_relaxed_accuracy(gold: str, answer: str, right: bool) -> None:
    assert relaxed(item(gold), answer).right is right
