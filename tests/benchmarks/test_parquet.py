"""Folders of parquet files: images in every form, several files, and what can be wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sophia.benchmarks.item import Item
from sophia.benchmarks.readers.parquet import Parquet
from tests.benchmarks.fixtures.writing import picture, struct, write_parquet, write_picture
from tests.benchmarks.published_sources import every

PLAIN = Parquet(folder="Some", repo="lab/some", index="")


def row(**cells: Any) -> dict[str, Any]:
    return {"question": "Which?", "answer": "A", **cells}


def read(root: Path, source: Parquet = PLAIN) -> list[Item]:
    path = source.find(root)
    assert path is not None
    found = source.read(path, cache=root / "cache")
    return every(found)


def sources(item: Item) -> list[bytes]:
    return [media.source.read_bytes() for media in item.images if isinstance(media.source, Path)]


@pytest.mark.parametrize(
    ("cell", "seeds"),
    [
        (struct(1), [1]),
        (picture(1), [1]),
        ([struct(1), struct(2)], [1, 2]),
        ({"bytes": None, "path": "3.png"}, [3]),
        (None, []),
    ],
)
def test_images_in_every_form(cell: Any, seeds: list[int], tmp_path: Path) -> None:
    write_picture(tmp_path / "Some/data/images/3.png", 3)
    write_parquet(tmp_path / "Some/data/test-0.parquet", [row(image=cell), row(image=cell)])
    first, second = read(tmp_path)
    assert sources(first) == sources(second) == [picture(seed) for seed in seeds]


def test_images_of_several_columns_are_in_their_order(tmp_path: Path) -> None:
    rows = [row(image_1=struct(1), image_2=None, image_3=struct(3))]
    write_parquet(tmp_path / "Some/test-0.parquet", rows)
    source = Parquet(folder="Some", index="", images=("image_3", "image_2", "image_1", "image_9"))
    assert sources(read(tmp_path, source)[0]) == [picture(3), picture(1)]


def test_several_files_are_one_and_their_names_are_their_split(tmp_path: Path) -> None:
    for split in ("dev", "test"):
        for part in (0, 1):
            rows = [row(question=f"{split} {part} {n}", image=struct(n)) for n in range(3)]
            write_parquet(tmp_path / f"Some/a/{split}-0000{part}-of-00002.parquet", rows)
    source = Parquet(folder="Some", index="", labels={"split": "split"})
    found = read(tmp_path, source)
    assert [item.index for item in found] == [str(n) for n in range(12)]
    assert [item.labels["split"] for item in found] == ["dev"] * 6 + ["test"] * 6
    assert found[4].question == "dev 1 1"
    chosen = read(tmp_path, Parquet(folder="Some", index="", files="a/test-*.parquet"))
    assert [item.question for item in chosen] == [item.question for item in found[6:]]
    only = Parquet(folder="Some", index="", where={"split": "dev"})
    assert [item.question for item in read(tmp_path, only)] == [i.question for i in found[:6]]


def test_more_rows_than_are_read_at_a_time_keep_their_images(tmp_path: Path) -> None:
    rows = [row(question=str(n), image=struct(n)) for n in range(50)]
    write_parquet(tmp_path / "Some/x.parquet", rows, rows_per_group=21)
    found = read(tmp_path)
    assert [sources(item) for item in found] == [[picture(n)] for n in range(50)]
    assert [item.question for item in found] == [str(n) for n in range(50)]


def test_options_and_answers_as_lists_and_in_brackets(tmp_path: Path) -> None:
    cells = [
        row(options="['red', 'blue']", answer="(B)", meta={"task": "t", "skills": ["a", "b"]}),
        row(options="['1', '2']", answer="A", meta={"task": "u", "skills": []}),
    ]
    write_parquet(tmp_path / "Some/x.parquet", cells)
    source = Parquet(
        folder="Some",
        index="",
        options="options",
        labels={"task": "meta.task", "skills": "meta.skills"},
    )
    first, second = read(tmp_path, source)
    assert (dict(first.options), first.answer) == ({"A": "red", "B": "blue"}, "B")
    assert first.labels == {"task": "t", "skills": "['a', 'b']"}
    assert (dict(second.options), second.answer) == ({"A": "1", "B": "2"}, "A")


def refused(root: Path, source: Parquet = PLAIN) -> str:
    with pytest.raises(ValueError, match="expected whole parquet files with") as error:
        read(root, source)
    said = str(error.value)
    assert said.endswith("get it again from lab/some on the Hub.") or not source.repo
    return said


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_file_that_is_cut_off(share: float, tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "Some/x.parquet", [row(image=struct(n)) for n in range(9)])
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    assert refused(tmp_path).startswith(f"{path} is cut off or no parquet file (")


def test_a_file_that_is_damaged_inside(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "Some/x.parquet", [row(image=struct(n)) for n in range(9)])
    data = bytearray(path.read_bytes())
    data[4 : len(data) // 2] = b"\xff" * (len(data) // 2 - 4)
    path.write_bytes(bytes(data))
    assert refused(tmp_path).startswith(f"{path} is damaged (")


def test_another_version(tmp_path: Path) -> None:
    path = write_parquet(tmp_path / "Some/x.parquet", [{"question": "Which?", "gold": "A"}])
    assert refused(tmp_path).startswith(
        f"{path} has no column 'answer', so it is another version or another file"
        " (it has question, gold)"
    )


def test_no_rows_an_index_twice_or_none_and_an_image_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "Some/x.parquet"
    named = Parquet(folder="Some", repo="lab/some", index="id")
    write_parquet(path, [row(id="a"), row(id="b"), row(id="a")])
    assert "Some names two rows id a;" in refused(tmp_path, named)
    write_parquet(path, [row(id="a"), row(id=None)])
    assert "Some has no id in row 2;" in refused(tmp_path, named)
    nothing = Parquet(folder="Some", repo="lab/some", index="", where={"id": "z"})
    assert "Some holds no row with {'id': 'z'};" in refused(tmp_path, nothing)
    write_parquet(path, [row(image={"bytes": None, "path": "gone.png"})])
    assert "x.parquet names the image gone.png, which is not beside it;" in refused(tmp_path)


def test_where_it_is_expected_ends_in_a_command_that_gets_it() -> None:
    assert PLAIN.find(Path("/data")) is None
    assert PLAIN.expected(Path("/data")) == (
        "the parquet files /data/Some/**/*.parquet; get it by"
        " `hf download lab/some --repo-type dataset --local-dir /data/Some`"
    )
