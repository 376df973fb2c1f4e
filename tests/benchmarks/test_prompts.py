"""How items are put to a model, beyond what the published benchmarks show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sophia.benchmarks.item import Item
from sophia.benchmarks.prompts.choice import ChoicePrompt
from sophia.benchmarks.prompts.interleaved import InterleavedPrompt
from sophia.benchmarks.prompts.question import QuestionPrompt
from sophia.types import Media

ONE, TWO = Media(source=Path("1.png")), Media(source=Path("2.png"))


def item(question: str = "Which?", **settings: Any) -> Item:
    return Item(
        **{"index": "0", "question": question, "answer": "A", "images": (ONE, TWO), **settings}
    )


def test_a_question_without_options_and_hint_is_the_question() -> None:
    assert ChoicePrompt()(item()) == (ONE, TWO, "Question: Which?\n")


def test_the_hint_can_be_left_out() -> None:
    assert ChoicePrompt(with_hint=False)(item(hint="Look.", images=())) == ("Question: Which?\n",)


@pytest.mark.parametrize(
    ("question", "content"),
    [
        ("Compare <image 2> with <image 1>.", ("Compare ", TWO, " with ", ONE, ".")),
        ("<image 2><image 2>", (TWO, TWO)),
        ("See <image 1> and <image 7>.", ("See ", ONE, " and <image 7>.")),
        ("Neither.", (ONE, TWO, "Neither.")),
        ("A tag <image> is none.", (ONE, TWO, "A tag <image> is none.")),
    ],
)
def test_images_stand_where_they_are_spoken_of(question: str, content: tuple[object, ...]) -> None:
    assert InterleavedPrompt(text=QuestionPrompt())(item(question)) == content


def test_without_images_the_places_stay_as_text() -> None:
    """The same question, blind."""
    asked = InterleavedPrompt(text=QuestionPrompt())(item("See <image 1>.", images=()))
    assert asked == ("See <image 1>.",)


def test_a_column_is_asked_in_place_of_the_question_where_it_is_there() -> None:
    asked = QuestionPrompt(column="prompt", suffix="!")
    assert asked(item(images=(), extra={"prompt": "How many?"})) == ("How many?!",)
    assert asked(item(images=())) == ("Which?!",)
