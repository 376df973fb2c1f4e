"""Columns and problem types under the names that they have in other people's data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sophia.data.rows.columns import Columns
from sophia.data.rows.known import likely_column, likely_type, unmapped_columns
from sophia.rewards.outcome import CHECKERS
from tests.data.builders import dataset, encoded, image, plain_source, write_lines

BARE = Columns(problem="problem", answer="answer")


def meanings(row: dict[str, Any], columns: Columns = BARE) -> dict[str, str]:
    found = unmapped_columns([{"problem": "x", "answer": "1"}, row], columns, source="s")
    return {one.meaning: one.column for one in found}


@pytest.mark.parametrize(
    ("row", "meaning"),
    [
        ({"problem_type": "multiple choice"}, "problem_type"),
        ({"Question_Type": "mcq"}, "problem_type"),
        ({"choices": ["red", "blue"]}, "options"),
        ({"options": {"A": "red"}}, "options"),
        ({"image": "a/b.PNG"}, "images"),
        ({"img": encoded(image())}, "images"),
        ({"pictures": [{"bytes": b"x", "path": None}]}, "images"),
        ({"decoded_image": image()}, "images"),
        ({"id": 7}, "uid"),
        ({"question_id": "q7"}, "uid"),
        ({"data_type": "text"}, "data_type"),
        ({"tol": 0.05}, "tolerance"),
    ],
)
def test_known_columns_are_told_by_name_and_value(row: dict[str, Any], meaning: str) -> None:
    assert meanings(row) == {meaning: next(iter(row))}


@pytest.mark.parametrize(
    "row",
    [
        {"path": "some/file.json"},
        {"image": None},
        {"images": []},
        {"type": 3},
        {"options": "A or B"},
        {"choices": []},
        {"data_type": "train"},
        {"tolerance": 5},
        {"category": "geometry"},
        {"id": ""},
    ],
)
def test_values_of_another_kind_are_none_of_ours(row: dict[str, Any]) -> None:
    assert meanings(row) == {}


def test_what_is_mapped_is_not_pointed_out() -> None:
    columns = Columns(problem="problem", answer="solution", images="path", problem_type="kind")
    row = {"path": "a.png", "image": "b.png", "kind": "math", "type": "train", "choices": ["x"]}
    assert meanings(row, columns) == {"options": "choices"}
    nested = Columns(problem="problem", answer="id.gold")
    assert meanings({"id": {"gold": 1}}, nested) == {}


def test_a_source_knows_its_own(tmp_path: Path) -> None:
    rows = [{"problem": "x", "answer": "B", "images": ""} for _ in range(40)]
    rows[39]["problem_type"] = "multiple choice"
    path = write_lines(tmp_path / "rows.jsonl", rows)
    (found,) = plain_source(path, name="mine").unmapped_columns()
    assert (found.source, found.meaning, found.column) == ("mine", "problem_type", "problem_type")
    assert found.example == "multiple choice"
    assert "every row is of the one `problem_type`" in found.consequence


@pytest.mark.parametrize(
    ("meaning", "names", "likely"),
    [
        ("answer", ["question", "ground_truth", "label"], "ground_truth"),
        ("answer", ["Answer", "solution"], "Answer"),
        ("answer", ["answr", "image"], "answr"),
        ("problem", ["problem_type", "image"], None),
        ("images", ["image"], "image"),
    ],
)
def test_the_likely_column(meaning: str, names: list[str], likely: str | None) -> None:
    assert likely_column(meaning, names) == likely


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("mcq", "multiple choice"),
        ("Multiple_Choice", "multiple choice"),
        ("multi-choice", "multiple choice"),
        ("Multiple-choice question", "multiple choice"),
        ("Integer", "numerical"),
        ("YES/NO", "yes/no"),
        ("open-ended", "free-form"),
        ("ocr", "OCR"),
        ("riddle", None),
    ],
)
def test_the_likely_type(name: str, ours: str | None) -> None:
    assert likely_type(name, CHECKERS) == ours


def test_a_type_without_a_rule_is_none_that_could_be_meant() -> None:
    assert likely_type("mcq", {"numerical"}) is None


def test_every_type_that_could_be_meant_has_a_rule() -> None:
    assert {likely_type(name, CHECKERS) for name in CHECKERS} == set(CHECKERS)


@pytest.mark.parametrize(
    ("row", "columns", "said"),
    [
        (
            {"problem": "x", "ground_truth": 1},
            BARE,
            r"no row has the column\(s\) \['answer'\]; columns found: \['ground_truth', 'problem'\]"
            r"\. Say `answer: ground_truth` under `columns` \(on the command line"
            r" data\.train\.sources\.columns\.answer=ground_truth\)\.",
        ),
        (
            {"problem": "x", "answer": 1},
            Columns(problem="problem", answer="answer", images="images"),
            r"Say `images: null` .*columns\.images=null\)",
        ),
        (
            {"frage": "x", "antwort": 1, "solution": 2},
            Columns(problem="frage", answer="antwrt"),
            r"Say `answer: antwort` .*columns\.answer=antwort\)",
        ),
        (
            {"note": "x", "answer": 1},
            BARE,
            r"Say `problem: <the column that holds it, not problem>`",
        ),
        (
            {"question": "x", "image": "a.png", "solution": 1},
            Columns(problem="problem", answer="answer", images="images"),
            r"`problem: question` and `answer: solution` and `images: image`",
        ),
    ],
)
def test_a_column_that_no_row_has_is_said_with_the_likely_one(
    row: dict[str, Any], columns: Columns, said: str, tmp_path: Path
) -> None:
    path = write_lines(tmp_path / "rows.jsonl", [row])
    with pytest.raises(ValueError, match=said) as caught:
        len(dataset(plain_source(path, columns=columns)))
    assert str(caught.value).startswith(f"source 'plain' ({path}): no row has")


def test_a_row_that_lacks_its_answer_names_the_likely_column() -> None:
    columns = Columns(problem="problem", answer="ground_truth")
    rows = [{"problem": "x", "ground_truth": 1}, {"problem": "y", "answer": 2}]
    with pytest.raises(
        ValueError,
        match=r"row 1, column 'ground_truth': the answer is missing; columns of the row: "
        r"\['answer', 'problem'\]\. Expected .*`columns\.answer`, which is likely 'answer'\.",
    ):
        dataset(plain_source(rows, columns=columns))[1]
