"""Options that are written in other ways than one column each."""

from __future__ import annotations

import pytest

from sophia.benchmarks.readers.layout import Layout, listed, split_options


@pytest.mark.parametrize(
    ("question", "options"),
    [
        ("Which?\nOptions: A: red, B: blue, C: none", ["red", "blue", "none"]),
        ("Which?\nOptions: A: a hat, a coat, B: C: both", ["a hat, a coat", "C: both"]),
        ("Which?\nOptions: A. one\nB. two", ["one", "two"]),
        ("Which? Options: none", []),
        ("Which?", []),
    ],
)
def test_options_at_the_end_of_a_question(question: str, options: list[str]) -> None:
    asked, found = split_options(question)
    assert list(found.values()) == options
    assert list(found) == list("ABC")[: len(options)]
    assert asked == ("Which?" if options else question)


@pytest.mark.parametrize(
    ("cell", "texts"),
    [
        ("['a', 'b']", ["a", "b"]), ("[1, 2.5]", ["1", "2.5"]), ("[]", []), ("", []),
        ("a, b", ["a, b"]), ("[a", ["[a"]), ("[a]", ["[a]"]),
    ],
)  # fmt: skip
def test_the_texts_of_a_cell(cell: str, texts: list[str]) -> None:
    assert listed(cell) == texts


def test_the_letter_of_an_answer_given_as_a_text() -> None:
    layout = Layout(index="", options="choices", extra=("answer_option",))
    row = {"question": "q", "answer": "blue", "choices": "['red', 'blue']"}
    assert layout.item(row, place=3, images=[]).extra == {"answer_option": "B"}
    assert layout.item({**row, "answer": "green"}, place=3, images=[]).extra == {}
    assert layout.item(row, place=3, images=[]).index == "3"
