from __future__ import annotations

from pathlib import Path

import pytest

from sophia.data.template import PromptTemplate
from sophia.types import Media, Message
from tests.data.builders import template

PICTURE = Media(source=Path("a.png"))


def test_order_of_the_parts() -> None:
    rendered = template(
        system="Be brief.", question="Q: {question}\nThink.", type_sentences={"numerical": " 42?"}
    ).render(
        (PICTURE, "Which?"), problem_type="numerical", options={"A": "red", "B": "blue {text}"}
    )
    assert rendered == (
        Message(role="system", content=("Be brief.",)),
        Message(
            role="user",
            content=("Q: ", PICTURE, "Which?\nA. red; B. blue {text}\nThink. 42?"),
        ),
    )


def test_no_system_turn_and_no_sentence_for_other_types() -> None:
    rendered = template(type_sentences={"OCR": " Copy."}).render(
        ("Why?",), problem_type="text", options={}
    )
    assert rendered == (Message(role="user", content=("Why?",)),)


def test_braces_of_latex_are_not_placeholders() -> None:
    rendered = template(question=r"{question} Put it in \boxed{}.").render(
        (r"\frac{1}{2}{question}",), problem_type="numerical", options={}
    )
    assert rendered[0].content == (r"\frac{1}{2}{question} Put it in \boxed{}.",)


def test_images_first() -> None:
    rendered = template(question="<image>User: {question}", images_first=True).render(
        ("Is ", PICTURE, " red?"), problem_type="numerical", options={}
    )
    assert rendered[0].content == (PICTURE, "<image>User: Is  red?")


@pytest.mark.parametrize("question", ["Think.", "{question} {question}"])
def test_the_slot_stands_once(question: str) -> None:
    with pytest.raises(ValueError, match=r"holds \{question\} [02] times, expected once"):
        template(question=question)


def test_an_option_shows_something() -> None:
    with pytest.raises(ValueError, match=r"the option template '-' holds neither"):
        PromptTemplate(
            system="",
            question="{question}",
            type_sentences={},
            option="-",
            options_prefix="",
            options_separator="",
            images_first=False,
        )
