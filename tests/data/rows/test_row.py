from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from sophia.data.rows.columns import Columns
from sophia.data.rows.row import CONTROL_TOKENS
from sophia.data.rows.row_error import RowError
from sophia.data.rows.source import RowSource
from sophia.types import Media, Prompt
from tests.data.builders import (
    SOPHIA_COLUMNS,
    encoded,
    image,
    plain_source,
    sophia_row,
    sophia_source,
    template,
    write_list,
)


def parsed(row: dict[str, Any], **overrides: Any) -> Prompt:
    return sophia_source([row], **overrides).prompt(0, template())


def plain(row: dict[str, Any], **overrides: Any) -> Prompt:
    return plain_source([row], **overrides).prompt(0, template())


def test_a_sophiavl_row(tmp_path: Path) -> None:
    path = write_list(tmp_path / "Math.json", [sophia_row()])
    prompt = sophia_source(path).prompt(0, template())
    assert prompt.uid == "Math/7"
    assert prompt.answer == "5"
    assert prompt.problem_type == "numerical"
    (message,) = prompt.messages
    assert message.content == (Media(source=tmp_path / "Math/a.png"), "How many?")
    assert prompt.metadata["data_source"] == "CLEVR-Math"
    assert "solution" not in prompt.metadata
    origin = prompt.metadata["origin"]
    assert (origin.source, origin.file, origin.row) == ("Math", str(path), 0)


def test_the_rows_own_question_is_kept_without_images_and_template() -> None:
    row = {"problem": "<image>\n<image>\nIs it <image>?\n", "answer": "1", "images": list("abc")}
    assert plain(row, image_root="/").problem == "Is it ?"
    assert parsed(sophia_row()).problem == "How many?"


def test_image_root_replaces_the_folder_of_the_file() -> None:
    (media,) = parsed(sophia_row(), image_root="/images").media
    assert media.source == Path("/images/Math/a.png")


@pytest.mark.parametrize("empty", [None, "", []])
def test_text_rows_have_no_image(empty: object) -> None:
    prompt = parsed(sophia_row(path=empty, data_type="text"))
    assert prompt.media == ()
    assert prompt.question == "How many?"


def test_a_marker_in_a_text_row_is_text() -> None:
    prompt = parsed(sophia_row(path="", data_type="text", problem="What does <image> mean?"))
    assert prompt.messages[0].content == ("What does <image> mean?",)


@pytest.mark.parametrize(
    "cell",
    [
        "a.png",
        ["a.png"],
        {"bytes": None, "path": "a.png"},
        [{"path": "a.png"}],
    ],
    ids=["path", "list of paths", "struct without bytes", "list of structs"],
)
def test_images_by_path(cell: object) -> None:
    (media,) = plain({"problem": "x", "answer": "1", "images": cell}, image_root="/r").media
    assert media.source == Path("/r/a.png")


def test_images_by_bytes_and_as_pil() -> None:
    data, opened = encoded(image()), image()
    cell = [{"bytes": data, "path": "ignored.png"}, data, opened]
    media = plain({"problem": "x", "answer": "1", "images": cell}).media
    assert [m.source for m in media] == [data, data, opened]


def test_markers_are_replaced_in_place() -> None:
    row = {"problem": "Is <image> or <image>\nlarger?", "answer": "1", "images": ["a", "b"]}
    content = plain(row, image_root="/").messages[0].content
    a, b = (Media(source=Path(f"/{name}")) for name in "ab")
    assert content == ("Is ", a, " or ", b, "\nlarger?")


def test_images_without_markers_come_first() -> None:
    row = {"problem": "Same?", "answer": "1", "images": ["a", "b"]}
    content = plain(row, image_root="/").messages[0].content
    assert [type(part) for part in content] == [Media, Media, str]


def test_numbers_as_answers() -> None:
    columns = Columns(problem="problem", answer="answer")
    assert plain({"problem": "x", "answer": 4}, columns=columns).answer == "4"
    assert plain({"problem": "x", "answer": 0.5}, columns=columns).answer == "0.5"


@pytest.mark.parametrize(
    "options",
    [
        ["A. red", "B. blue"],
        ["A) red", "B) blue"],
        ["(A) red", "(B) blue"],
        ["A: red", "B: blue"],
        ["red", "blue"],
        {"A": "red", "B": "blue", "C": None},
    ],
)
def test_options_in_the_shapes_of_the_field(options: object) -> None:
    row = sophia_row(problem_type="multiple choice", options=options, solution="B")
    assert parsed(row).options == {"A": "red", "B": "blue"}


def test_options_that_only_look_lettered_get_letters() -> None:
    row = sophia_row(problem_type="multiple choice", options=["A.M.", "P.M.", 12], solution="A")
    assert parsed(row).options == {"A": "A.M.", "B": "P.M.", "C": "12"}


def test_a_gold_that_is_the_text_of_an_option_is_left_to_the_grader() -> None:
    row = sophia_row(problem_type="multiple choice", options=["red", "blue"], solution="blue")
    assert parsed(row).answer == "blue"


def test_several_gold_letters() -> None:
    row = sophia_row(problem_type="multiple choice", options=["x", "y", "z"], solution="A, C")
    assert parsed(row).answer == "A, C"


def test_columns_of_other_data_sets() -> None:
    # The counting questions of R1-V: a number as answer, columns of other names, no type.
    columns = Columns(problem="question", answer="ground_truth", images="image_path")
    row = {"image_path": "./images/x.png", "question": "How many items?", "ground_truth": 4}
    source = RowSource([row], name="clevr", columns=columns, problem_type="numerical")
    prompt = source.prompt(0, template())
    assert (prompt.answer, prompt.problem_type, len(prompt.media)) == ("4", "numerical", 1)
    assert prompt.uid == "clevr/<memory>-0"


def test_a_dotted_column_reaches_into_structs() -> None:
    columns = Columns(problem="problem", answer="reward_model.ground_truth")
    row = {"problem": "x", "reward_model": {"ground_truth": "9"}}
    source = RowSource([row], name="s", columns=columns, problem_type="numerical")
    assert source.prompt(0, template()).answer == "9"


def test_types_can_be_renamed() -> None:
    row = sophia_row(problem_type="mcq")
    assert parsed(row, rename_types={"mcq": "multiple choice"}).problem_type == "multiple choice"


def test_tolerance() -> None:
    columns = Columns(problem="problem", answer="answer", tolerance="tolerance")
    row = {"problem": "x", "answer": "1", "tolerance": 0.05}
    assert plain(row, columns=columns).tolerance == 0.05
    assert plain(row | {"tolerance": None}, columns=columns).tolerance == 0.0


def test_tolerance_that_is_none() -> None:
    columns = Columns(problem="problem", answer="answer", tolerance="tolerance")
    with pytest.raises(RowError, match=r"the tolerance is 2.*Expected a number in \[0, 1\)"):
        plain({"problem": "x", "answer": "1", "tolerance": 2}, columns=columns)


def test_control_tokens_include_those_of_the_encoder() -> None:
    assert {"<|image_pad|>", "<|video_pad|>", "<|im_end|>"} <= set(CONTROL_TOKENS)


def test_json_null_cells_are_missing(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text(json.dumps([sophia_row(options=None)]), "utf-8")
    assert sophia_source(path).prompt(0, template()).options == {}


def test_metadata_keeps_short_cells_only() -> None:
    row = sophia_row(process="x" * 500, level=3, nested={"a": 1})
    assert set(parsed(row).metadata) == {"data_source", "level", "origin"}


def test_pil_images_stay_unopened_references() -> None:
    picture = Image.new("RGB", (28, 28))
    (media,) = plain({"problem": "x", "answer": "1", "images": picture}).media
    assert media.source is picture


def test_sophia_columns_are_all_mapped() -> None:
    assert SOPHIA_COLUMNS.mapped == sophia_row().keys() - {"data_source"}
