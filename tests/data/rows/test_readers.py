from __future__ import annotations

import json
from pathlib import Path

import datasets
import pytest

from sophia.data.rows.json_index import index_lines, index_list
from sophia.data.rows.readers import RowReader, open_readers
from sophia.data.rows.row_error import Origin, RowError
from tests.data.builders import encoded, image, write_lines, write_list

ROWS = [{"problem": f"{n} + {n} ä?", "answer": 2 * n} for n in range(5)]
ORIGIN = Origin(source="s", file="f", row=0)


@pytest.fixture(autouse=True)
def caches_in_tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parquet is converted into the user's cache of `datasets`; not from a test."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "hf")


def all_rows(readers: tuple[RowReader, ...]) -> list[object]:
    return [dict(reader.read(i, ORIGIN)) for reader in readers for i in range(len(reader))]


def write_parquet(path: Path, rows: list[dict[str, object]]) -> Path:
    datasets.Dataset.from_list(rows).to_parquet(str(path))
    return path


def test_json_list(tmp_path: Path) -> None:
    path = write_list(tmp_path / "rows.json", ROWS)
    assert all_rows(open_readers(path, None)) == ROWS


def test_json_list_over_several_lines_and_an_empty_one(tmp_path: Path) -> None:
    pretty, empty = tmp_path / "pretty.json", tmp_path / "empty.json"
    pretty.write_text("\n " + json.dumps(ROWS, indent=4, ensure_ascii=False) + "\n", "utf-8")
    empty.write_text(" [ ]\n", "utf-8")
    assert all_rows(open_readers(pretty, None)) == ROWS
    assert all_rows(open_readers(empty, None)) == []


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 64])
def test_json_list_does_not_depend_on_where_chunks_end(chunk: int, tmp_path: Path) -> None:
    rows = [*ROWS, {"problem": 'quotes " and ] in [text', "answer": "é" * 9}, 12345, "a]b"]
    path = tmp_path / "rows.json"
    path.write_text(json.dumps(rows, ensure_ascii=False), "utf-8")
    data = path.read_bytes()
    spans = index_list(path, chunk_chars=chunk).tolist()
    assert [json.loads(data[a:b]) for a, b in spans] == rows


def test_jsonl_skips_blank_lines(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("\n" + json.dumps(ROWS[0]) + "\n\n" + json.dumps(ROWS[1]), "utf-8")
    assert index_lines(path).shape == (2, 2)
    assert all_rows(open_readers(path, None)) == ROWS[:2]


def test_parquet_with_images_as_structs(tmp_path: Path) -> None:
    data = encoded(image())
    rows: list[dict[str, object]] = [
        {"problem": "a", "images": [{"bytes": data, "path": "x.png"}]},
        {"problem": "b", "images": []},
    ]
    path = write_parquet(tmp_path / "rows.parquet", rows)
    assert all_rows(open_readers(path, None)) == rows


def test_images_saved_as_hugging_face_features_come_undecoded(tmp_path: Path) -> None:
    features = datasets.Features(
        {"problem": datasets.Value("string"), "images": datasets.List(datasets.Image())}
    )
    rows = [{"problem": "a", "images": [image(), image(28, 28)]}]
    saved = datasets.Dataset.from_list(rows, features=features)
    saved.save_to_disk(tmp_path / "saved")
    (row,) = all_rows(open_readers(tmp_path / "saved", None))
    assert isinstance(row, dict)
    assert [set(struct) for struct in row["images"]] == [{"bytes", "path"}] * 2
    assert row["images"][0]["bytes"].startswith(b"\x89PNG")


def test_saved_splits_need_a_name(tmp_path: Path) -> None:
    part = datasets.Dataset.from_list(ROWS)
    datasets.DatasetDict({"train": part, "test": part.select([0])}).save_to_disk(tmp_path / "s")
    assert all_rows(open_readers(tmp_path / "s", "test")) == ROWS[:1]
    with pytest.raises(ValueError, match=r"holds the splits \['test', 'train'\], got split=None"):
        open_readers(tmp_path / "s", None)


def test_folder_and_pattern_read_files_in_order_of_name(tmp_path: Path) -> None:
    write_lines(tmp_path / "b.jsonl", ROWS[2:])
    write_list(tmp_path / "a.json", ROWS[:2])
    (tmp_path / "notes.txt").write_text("not rows", "utf-8")
    assert all_rows(open_readers(tmp_path, None)) == ROWS
    assert all_rows(open_readers(str(tmp_path / "b*"), None)) == ROWS[2:]


def test_rows_in_memory() -> None:
    assert all_rows(open_readers(ROWS, None)) == ROWS
    assert all_rows(open_readers(datasets.Dataset.from_list(ROWS), None)) == ROWS


def test_narrow_reads_one_arrow_column() -> None:
    (reader,) = open_readers(datasets.Dataset.from_list(ROWS), None)
    assert reader.narrow("answer").read(3, ORIGIN) == {"answer": 6}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1}', r"byte 0: expected a JSON list of rows, got '\{\"a\": 1\}'"),
        ('[{"a": 1}, {"b": ', "byte 11: row 1 is not JSON"),
        ('[{"a": 1} {"b": 2}]', r"expected ',' or '\]' after row 0"),
        ('[{"a": 1}', r"expected ',' or '\]' after row 0, got ''"),
        ("", "byte 0: expected a JSON list of rows, got ''"),
    ],
)
def test_broken_json_lists_say_where(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text(text, "utf-8")
    with pytest.raises(ValueError, match=message):
        index_list(path)


def test_a_broken_line_is_one_bad_row(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"a": 1}\n{"a": \n[1]\n{"a": 2}\n', "utf-8")
    (reader,) = open_readers(path, None)
    assert reader.read(3, ORIGIN) == {"a": 2}
    with pytest.raises(RowError, match="the row is not JSON"):
        reader.read(1, ORIGIN)
    with pytest.raises(RowError, match="the row is a list, expected an object"):
        reader.read(2, ORIGIN)


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "rows.tsv").write_text("a\tb", "utf-8")
    with pytest.raises(ValueError, match=r"cannot read .*rows.tsv: its ending is '.tsv'"):
        open_readers(tmp_path / "rows.tsv", None)
    with pytest.raises(ValueError, match=r"no file matches .*nowhere"):
        open_readers(tmp_path / "nowhere.json", None)
    with pytest.raises(ValueError, match="holds no rows"):
        open_readers(tmp_path, None)
