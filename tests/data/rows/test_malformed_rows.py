"""Every kind of row that cannot be used, with what its error says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sophia.data.rows.row_error import RowError
from tests.data.builders import sophia_row, sophia_source, template, write_list

CHOICE: dict[str, Any] = {"problem_type": "multiple choice", "options": ["A. x", "B. y"]}
MALFORMED: dict[str, tuple[dict[str, Any], str, str]] = {
    "no problem column": (
        {"problem": None},
        "problem",
        r"the question is missing; columns of the row: \['data_source', ",
    ),
    "empty problem": ({"problem": " \n"}, "problem", r"the question is str ' \\n'"),
    "problem is a list": ({"problem": ["a"]}, "problem", r"the question is list \"\['a'\]\""),
    "control token": (
        {"problem": "See <|image_pad|>"},
        "problem",
        r"the question holds the control token <\|image_pad\|>\. Write images as <image>",
    ),
    "two markers, one image": (
        {"problem": "<image> or <image>?"},
        "problem",
        r"2 markers <image> for 1 image\(s\)\. Write one <image> per image, or none",
    ),
    "one marker, two images": (
        {"problem": "<image>?", "path": ["a", "b"]},
        "problem",
        r"1 markers <image> for 2 image\(s\)",
    ),
    "no answer": ({"solution": None}, "solution", "the answer is missing; columns of the row"),
    "empty answer": ({"solution": "<answer> </answer>"}, "solution", "the answer is empty"),
    "answer is a list": ({"solution": ["5"]}, "solution", r"the answer is list \"\['5'\]\""),
    "answer is a truth value": ({"solution": True}, "solution", "the answer is bool 'True'"),
    "answer tag not closed": (
        {"solution": "<answer>5"},
        "solution",
        "the answer tags do not match: '<answer>5'. Write <answer>...</answer> once",
    ),
    "two answers": (
        {"solution": "<answer>5</answer> <answer>6</answer>"},
        "solution",
        "the answer tags do not match",
    ),
    "gold letter without option": (
        {**CHOICE, "solution": "C"},
        "solution",
        r"the answer 'C' is not among the options \['A', 'B'\]",
    ),
    "no problem type": ({"problem_type": None}, "problem_type", "the row has no problem type"),
    "problem type is a number": ({"problem_type": 3}, "problem_type", "the type is 3"),
    "says image, has none": (
        {"path": ""},
        "data_type",
        r"the row says 'image' and has 0 image\(s\) in column 'path'. Correct one of the two",
    ),
    "says text, has one": (
        {"data_type": "text"},
        "data_type",
        r"the row says 'text' and has 1 image\(s\)",
    ),
    "says video": (
        {"data_type": "video"},
        "data_type",
        r"the row says 'video' .*Expected 'image' or 'text'",
    ),
    "image is a number": ({"path": 5}, "path", "an image is int '5'. Expected a path, encoded"),
    "image struct is empty": (
        {"path": [{"bytes": None, "path": None}]},
        "path",
        r"an image is a struct \{'bytes': 'NoneType', 'path': 'NoneType'\}",
    ),
    "image is an address": (
        {"path": "https://example.org/a.png"},
        "path",
        "the image 'https://example.org/a.png' is not a local file. Nothing is downloaded",
    ),
    "a list of images with a hole": ({"path": ["a", None]}, "path", "an image is NoneType 'None'"),
    "options are a text": (
        {**CHOICE, "options": "A. x; B. y"},
        "options",
        "options are a str 'A. x; B. y'. Expected a list of texts",
    ),
    "an option is empty": ({**CHOICE, "options": ["x", ""]}, "options", "an option is ''"),
    "option letters repeat": (
        {**CHOICE, "options": ["A. x", "A. y"], "solution": "A"},
        "options",
        r"the option letters \['A', 'A'\] repeat",
    ),
    "27 options": (
        {**CHOICE, "options": [f"option {n}" for n in range(27)]},
        "options",
        "27 options without letters",
    ),
    "uid is empty": ({"problem_id": ""}, "problem_id", "the uid is str ''"),
    "uid is a list": ({"problem_id": [1]}, "problem_id", r"the uid is list '\[1\]'"),
}


@pytest.mark.parametrize("kind", MALFORMED)
def test_malformed_rows_name_file_row_column_reason_and_remedy(kind: str, tmp_path: Path) -> None:
    overrides, column, reason = MALFORMED[kind]
    path = write_list(tmp_path / "Math.json", [sophia_row(), sophia_row(**overrides)])
    with pytest.raises(RowError, match=reason) as caught:
        sophia_source(path).prompt(1, template())
    error = caught.value
    assert str(error).startswith(f"{path}, row 1, column {column!r}: ")
    assert (error.origin.row, error.column) == (1, column)
    assert error.remedy
    assert str(error).endswith(".")
