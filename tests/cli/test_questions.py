"""What infer is asked: arguments, folders, lines of standard input."""

from __future__ import annotations

from pathlib import Path

import pytest

from sophia.cli.verbs.questions import Question, as_paths, expand
from sophia.data.template import PromptTemplate
from tests.records import png

TEMPLATE = PromptTemplate(
    system="", question="{question}", type_sentences={}, option="{letter}. {text}",
    options_prefix="\n", options_separator="\n", images_first=False,
)  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.png", "a.PNG"):
        (tmp_path / name).write_bytes(png())
    (tmp_path / "notes.txt").write_text("no image")
    return tmp_path


def test_a_folder_is_one_question_about_each_image(folder: Path) -> None:
    asked = list(expand(Question(question="?", images=(folder,)), None))
    assert [question.images for question in asked] == [(folder / "a.PNG",), (folder / "b.png",)]


def test_several_images_are_one_question(folder: Path) -> None:
    images = as_paths([str(folder / "b.png"), str(folder / "a.PNG")])
    (asked,) = expand(Question(question="same?", images=images), None)
    message = asked.prompt(TEMPLATE, "q").messages[0]
    assert [part if isinstance(part, str) else "image" for part in message.content] == [
        "image", "image", "same?",
    ]  # fmt: skip


def test_lines_are_questions_or_objects(folder: Path) -> None:
    base = Question(question="-", images=(folder / "b.png",), answer="4")
    line = '{"question": "x?", "image": null, "answer": "B", "options": {"A": "1", "B": "2"}}'
    first, second = expand(base, ["what?\n", "\n", line])
    assert (first.question, first.images, first.answer) == ("what?", base.images, "4")
    assert (second.images, second.answer) == ((), "B")
    assert second.prompt(TEMPLATE, "q").question == "x?\nA. 1\nB. 2"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"question": ', r"no JSON object"),
        ('{"qestion": "x"}', r"unknown key 'qestion' .* known are \['answer', 'image'"),
    ],
)
def test_lines_that_say_nothing_are_refused(line: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        list(expand(Question(question="-"), [line]))


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"has no image"):
        list(expand(Question(question="?", images=(tmp_path,)), None))


def test_wrong_images_are_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"there is no file .*nowhere\.png"):
        Question(question="?", images=(folder / "nowhere.png",)).prompt(TEMPLATE, "q")
    with pytest.raises(ValueError, match=r"notes\.txt cannot be used"):
        Question(question="?", images=(folder / "notes.txt",)).prompt(TEMPLATE, "q")
