"""Files of JSON objects: texts, paths of images, and what can be wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sophia.benchmarks.item import Item
from sophia.benchmarks.readers.jsonl import JSONLines
from tests.benchmarks.fixtures.writing import Rows, picture, write_jsonl, write_picture
from tests.benchmarks.published_sources import every

ROW = {"question": "What is 3 + 4?", "answer": "3 + 4 = 7\n#### 7"}


def read(path: Path, **settings: Any) -> list[Item]:
    source = JSONLines(file=path.name, get="get it there", **settings)
    assert source.find(path.parent) == path
    found = source.read(path, cache=path.parent / "cache")
    return every(found)


def test_lines_and_a_list_are_the_same(tmp_path: Path) -> None:
    rows = [ROW, {"question": "a\u2028b", "answer": "c"}]
    lines = write_jsonl(tmp_path / "a.jsonl", rows)
    lines.write_text(json.dumps(rows[0]) + "\n\n" + json.dumps(rows[1], ensure_ascii=False))
    (tmp_path / "b.json").write_text(json.dumps(rows))
    assert read(lines) == read(tmp_path / "b.json")
    assert [item.index for item in read(lines)] == ["0", "1"]
    assert read(lines)[1].question == "a\u2028b"


def test_what_stands_behind_the_marks_is_the_answer(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "a.jsonl", [ROW])
    assert read(path, answer_after="####")[0].answer == "7"


def test_paths_of_images_begin_in_one_of_the_folders(tmp_path: Path) -> None:
    write_picture(tmp_path / "images/1.png", 1)
    write_picture(tmp_path / "2.png", 2)
    both = ["1.png", "2.png"]
    rows: Rows = [{**ROW, "image": "1.png"}, {**ROW, "image": both}, ROW]
    path = write_jsonl(tmp_path / "a.jsonl", rows)
    found = read(path, images="image")
    shown = [[m.source.read_bytes() for m in i.images if isinstance(m.source, Path)] for i in found]
    assert shown == [[picture(1)], [picture(1), picture(2)]]  # the row without one is left out
    assert len(read(path, images="image", text_rows=True)) == 3


WHOLE = "expected one JSON object per row, each with question, answer: get it there."


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no row"),
        (json.dumps(ROW)[:-9], r"is cut off or no JSON \(Unterminated string"),
        ("[1, 2]", "has no JSON object in row 1"),
        (json.dumps(ROW) + '\n{"question": "x"}', r"has no 'answer' in row 2 \(it has question\)"),
        (json.dumps({**ROW, "image": "x.png"}), r"names the image x\.png, which is in none of"),
    ],
)
def test_what_can_be_wrong_is_one_sentence(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(text)
    with pytest.raises(ValueError, match=said) as error:
        read(path, images="image")
    assert str(error.value).startswith(f"{path} ")
    assert str(error.value).endswith(WHOLE)


def test_an_index_twice_and_no_row_of_that_kind(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "a.jsonl", [{**ROW, "id": "x"}, {**ROW, "id": "x"}])
    with pytest.raises(ValueError, match="names two rows id x"):
        read(path, index="id")
    with pytest.raises(ValueError, match=r"holds no row with \{'id': 'y'\}"):
        read(path, where={"id": "y"})


def test_where_it_is_expected() -> None:
    source = JSONLines(file="a/b.jsonl", get="get it there")
    assert source.find(Path("/data")) is None
    assert source.expected(Path("/data")) == "the file /data/a/b.jsonl; get it there"
