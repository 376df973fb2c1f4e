"""VLMEvalKit's TSV files: what their cells mean, and every way in which a file can be wrong."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import pandas
import pytest

from sophia.benchmarks.item import Item
from sophia.benchmarks.readers import image_store
from sophia.benchmarks.readers.image_store import digest_of
from sophia.benchmarks.readers.row_items import RowItems
from sophia.benchmarks.readers.tsv import TSV
from tests.benchmarks.fixtures.writing import (
    Rows,
    in_base64,
    picture,
    write_picture,
    write_tsv,
)
from tests.benchmarks.published_sources import every

PLAIN = TSV(file="Some", url="https://example.org/Some.tsv")


def row(index: Any = 0, **cells: Any) -> dict[str, Any]:
    return {"index": index, "question": "Which?", "answer": "A", **cells}


def read(root: Path, rows: Rows, source: TSV = PLAIN) -> RowItems:
    return source.read(write_tsv(root / "Some.tsv", rows), cache=root / "cache")


def only(root: Path, **cells: Any) -> Item:
    return read(root, [row(**cells)])[0]


def sources(item: Item) -> list[bytes]:
    return [media.source.read_bytes() for media in item.images if isinstance(media.source, Path)]


def test_an_image_is_what_its_base64_says(tmp_path: Path) -> None:
    assert sources(only(tmp_path, image=in_base64(1))) == [picture(1)]


def test_a_python_list_holds_several_images(tmp_path: Path) -> None:
    assert sources(only(tmp_path, image=in_base64(1, 2))) == [picture(1), picture(2)]


def test_a_list_of_one_and_a_data_address_are_images_too(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        [
            row(0, image=f"['{in_base64(1)}']"),
            row(1, image=f"data:image/png;base64,{in_base64(2)}"),
        ],
    )
    assert [sources(found[0]), sources(found[1])] == [[picture(1)], [picture(2)]]


def test_a_short_cell_names_the_row_with_the_image_also_over_others(tmp_path: Path) -> None:
    """The row that is named may stand behind, and name another one itself."""
    rows = [row(0, image="1"), row(1, image="2"), row(2, image=in_base64(5)), row(3, image="1")]
    found = read(tmp_path, rows)
    assert [sources(found[place]) for place in range(4)] == [[picture(5)]] * 4
    assert len({found[place].unit for place in range(4)}) == 1


def test_equal_images_are_one_unit_and_one_file(tmp_path: Path) -> None:
    found = read(tmp_path, [row(n, image=in_base64(n // 2)) for n in range(4)])
    units = [found[place].unit for place in range(4)]
    assert units[0] == units[1] != units[2] == units[3]
    assert len(list((tmp_path / "cache").glob("*/images/*"))) == 2


@pytest.mark.parametrize("folder", [".", "images/Some", "images"])
def test_image_paths_begin_at_the_file_or_in_the_folders_of_lmudata(
    folder: str, tmp_path: Path
) -> None:
    write_picture(tmp_path / folder / "a/1.png", 3)
    write_picture(tmp_path / folder / "a/2.png", 4)
    found = read(
        tmp_path, [row(0, image_path="a/1.png"), row(1, image_path="['a/1.png','a/2.png']")]
    )
    assert [sources(found[0]), sources(found[1])] == [[picture(3)], [picture(3), picture(4)]]
    assert found[0].unit


def test_rows_without_an_image_are_left_out_unless_they_are_wanted(tmp_path: Path) -> None:
    rows = [row(0, image=in_base64(1)), row(1, image=None)]
    assert [item.index for item in every(read(tmp_path, rows))] == ["0"]
    wanted = TSV(file="Some", text_rows=True)
    found = read(tmp_path, rows, wanted)
    assert [item.index for item in every(found)] == ["0", "1"]
    assert (found[1].images, found[1].unit) == ((), "")


def test_a_column_of_images_without_any_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has no image in its column 'image'; expected a whole"):
        read(tmp_path, [row(0, image=None), row(1, image=None)])


def test_a_file_without_images_keeps_all_its_rows(tmp_path: Path) -> None:
    assert len(read(tmp_path, [row(0), row(1)])) == 2


def test_cells_read_as_a_bare_read_csv_has_them(tmp_path: Path) -> None:
    """As in VLMEvalKit: "None" is missing, and a whole number beside a gap becomes 4.0."""
    rows = [row(0, A="None", B="4", C="x", D="007"), row(1, A="a", B=None, C="NA", D="08")]
    found = read(tmp_path, rows)
    assert dict(found[0].options) == {"B": "4.0", "C": "x", "D": "7"}
    assert dict(found[1].options) == {"A": "a", "D": "8"}


def test_texts_with_line_breaks_quotes_and_tabs_survive(tmp_path: Path) -> None:
    said = 'He said "yes"\nand\tleft.\r\nThen "no'
    item = only(tmp_path, image=in_base64(1), hint=said)
    assert item.hint == said
    assert sources(item) == [picture(1)]


CELLS = (
    "", "None", "NA", "nan", "4", "4.0", "007", "1e5", "True", '"', '""a', " b ", "a\tb", "a\nb",
    "a\r\nb", "'", "é中", "-", "inf", "0x1f", "1,000", "50%", "<NA>", "N/A", "null",
)  # fmt: skip


@pytest.mark.parametrize("seed", range(40))
def test_cells_are_those_of_a_bare_read_csv_whatever_they_hold(seed: int, tmp_path: Path) -> None:
    draw = random.Random(seed)
    few = draw.sample(CELLS, draw.randint(1, 4))
    rows = [
        row(n, image=in_base64(n % 3), **{letter: draw.choice(few) for letter in "ABC"})
        for n in range(draw.choice([1, 3, 40]))
    ]
    found = read(tmp_path, rows)
    table = pandas.read_csv(tmp_path / "Some.tsv", sep="\t")
    for place, (_, theirs) in enumerate(table.iterrows()):
        expected = {c: str(table[c].tolist()[place]) for c in "ABC" if not pandas.isna(theirs[c])}
        assert dict(found[place].options) == expected


def test_labels_and_extra_columns_are_taken_where_they_are(tmp_path: Path) -> None:
    source = TSV(
        file="Some",
        labels={"category": "category", "l2": "l2-category", "set": "index"},
        patterns={"set": "^v_([0-9]+)"},
        extra=("unit", "missing"),
    )
    found = read(tmp_path, [row("v_12_3", category="c", unit="cm"), row("w")], source)
    assert found[0].labels == {"category": "c", "set": "12"}
    assert found[0].extra == {"unit": "cm"}
    assert found[1].labels == {}


def test_rows_are_chosen_by_a_column(tmp_path: Path) -> None:
    rows = [row(0, version="a"), row(1, version="b"), row(2, version="a")]
    found = read(tmp_path, rows, TSV(file="Some", where={"version": "a"}))
    assert [item.index for item in every(found)] == ["0", "2"]
    with pytest.raises(ValueError, match=r"has no row with \{'version': 'c'\}"):
        read(tmp_path, rows, TSV(file="Some", where={"version": "c"}))


def test_the_digest_says_whether_it_is_the_published_file(tmp_path: Path) -> None:
    path = write_tsv(tmp_path / "Some.tsv", [row()])
    for md5, said in (("", None), ("0" * 32, False), (digest_of([path]), True)):
        source = TSV(file="Some", md5=md5)
        assert source.read(path, cache=tmp_path / "cache").is_official is said


@pytest.mark.parametrize("name", ["Some", "Some.tsv"])
def test_a_file_is_found_by_its_name_or_its_path(name: str, tmp_path: Path) -> None:
    path = write_tsv(tmp_path / "Some.tsv", [row()])
    assert TSV(file=name).find(tmp_path) == path
    assert TSV(file=str(tmp_path / name)).find(Path("/nowhere")) == path
    assert TSV(file="Other").find(tmp_path) is None


def test_a_path_begins_at_the_working_directory_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_tsv(tmp_path / "here/Some.tsv", [row()])
    monkeypatch.chdir(tmp_path)
    assert TSV(file="here/Some.tsv").find(Path("/nowhere")) == path


def test_where_it_is_expected_ends_in_a_command_that_gets_it() -> None:
    assert PLAIN.expected(Path("/data")) == (
        "the TSV file /data/Some.tsv; get it by"
        " `curl -L --create-dirs -o /data/Some.tsv https://example.org/Some.tsv`"
    )
    assert "-o '/my data/Some.tsv' https" in PLAIN.expected(Path("/my data"))
    assert TSV(file="mine").expected(Path("/data")) == "the TSV file /data/mine.tsv"


WHOLE = ("; expected a whole VLMEvalKit TSV with the columns index, question, answer: get it again"
         " from https://example.org/Some.tsv.")  # fmt: skip


def refused(root: Path, data: bytes) -> str:
    """What is said of a file with these bytes, without its path and its end."""
    path = root / "Some.tsv"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"Some\.tsv") as error:
        PLAIN.read(path, cache=root / "cache")
    said = str(error.value)
    assert said.startswith(f"{path} ")
    assert said.endswith(WHOLE)
    return said.removeprefix(f"{path} ").removesuffix(WHOLE)


HEADER = b"index\tquestion\timage\tanswer\n"


def line(index: int, image: str) -> bytes:
    return f"{index}\tWhich?\t{image}\tA\n".encode()


def test_an_empty_file(tmp_path: Path) -> None:
    assert refused(tmp_path, b"") == "is empty"


def test_a_header_alone(tmp_path: Path) -> None:
    assert refused(tmp_path, HEADER) == "has a header and no rows"


@pytest.mark.parametrize("data", [b"<!DOCTYPE html><html>404</html>", b"PK\x03\x04\t\0\0"])
def test_no_table_at_all(data: bytes, tmp_path: Path) -> None:
    assert refused(tmp_path, data).startswith("is no TSV file: it begins with b'")


def test_another_encoding(tmp_path: Path) -> None:
    said = refused(tmp_path, HEADER + b"0\tWh\xefch?\t\tA\n")
    assert said.startswith("cannot be read as a table")


def test_another_version(tmp_path: Path) -> None:
    assert refused(tmp_path, b"index\tquestion\tgold\n0\tWhich?\tA\n") == (
        "has no column 'answer', so it is another version or another file"
        " (it has index, question, gold)"
    )


def test_rows_with_too_many_cells(tmp_path: Path) -> None:
    said = refused(tmp_path, HEADER + line(0, "") + b"1\ta\tb\tc\td\te\n")
    assert said.startswith("cannot be read as a table, or is cut off (")
    assert refused(tmp_path, HEADER + b"0\tWhich?\t\tA\tB\n") == (
        "has rows with more cells than names"
    )


def test_a_file_of_a_hidden_test(tmp_path: Path) -> None:
    said = refused(tmp_path, HEADER + b"0\tWhich?\t\t\n1\tWhich?\t\t\n")
    assert said == "has no answers in its column 'answer', as files of a hidden test"


def test_an_index_twice_and_a_row_without_one(tmp_path: Path) -> None:
    image = in_base64(1)
    said = refused(tmp_path, HEADER + line(4, image) + line(5, image) + line(4, image))
    assert said == "names two rows index 4"
    said = refused(tmp_path, HEADER + line(4, image) + b"\tWhich?\t\tA\n")
    assert said == "has no index in row 2"


def test_a_shared_image_that_does_not_exist(tmp_path: Path) -> None:
    said = refused(tmp_path, HEADER + line(0, in_base64(1)) + line(1, "17"))
    assert said == (
        "shows in row 2 the image of index '17', which does not exist (or it is cut off there;"
        " paths of images belong into a column image_path)"
    )
    said = refused(tmp_path, HEADER + line(0, "1") + line(1, "0"))
    assert "shows in row 1 the image of index '0', which names this one in turn" in said


def test_an_image_in_the_middle_that_is_no_base64(tmp_path: Path) -> None:
    said = refused(tmp_path, HEADER + line(0, "?" * 80) + line(1, in_base64(1)))
    assert said.startswith("has a damaged image in row 1, or is cut off there: its base64")


def test_an_image_file_that_is_not_there(tmp_path: Path) -> None:
    path = write_tsv(tmp_path / "Some.tsv", [row(3, image_path="x.png")])
    with pytest.raises(ValueError, match=r"names the image x\.png in row 3, which is in none of"):
        PLAIN.read(path, cache=tmp_path / "cache")


@pytest.mark.parametrize("columns", ["index question image answer", "index question answer image"])
def test_a_file_that_is_cut_off_anywhere_is_refused(columns: str, tmp_path: Path) -> None:
    """At every 37th byte behind the second row; a cut between two rows cannot be seen."""
    rows = [{name: row(n, image=in_base64(n))[name] for name in columns.split()} for n in range(4)]
    data = write_tsv(tmp_path / "Whole.tsv", rows).read_bytes()
    ends = [place for place, byte in enumerate(data) if byte == ord("\n")]
    for cut in range(ends[2] + 2, ends[3], 37):
        said = refused(tmp_path, data[:cut])
        assert "cut off" in said, (cut - ends[2], said)
        assert not list((tmp_path / "cache").glob("*/images.json"))
    read_in_time = data[: ends[3]]  # without its last line break alone it is whole
    (tmp_path / "Some.tsv").write_bytes(read_in_time)
    assert len(PLAIN.read(tmp_path / "Some.tsv", cache=tmp_path / "cache")) == len(ends) - 2


def test_the_second_reading_unpacks_nothing(tmp_path: Path) -> None:
    read(tmp_path, [row(n, image=in_base64(n)) for n in range(3)])
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob("*")}
    read(tmp_path, [row(n, image=in_base64(n)) for n in range(3)])
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob("*")} == before
    assert not [path for path in before if path.name.endswith("partial")]


def _read_in_a_process(root: Path) -> None:
    PLAIN.read(root / "Some.tsv", cache=root / "cache")


def test_a_kill_in_the_middle_leaves_no_half_cache(tmp_path: Path) -> None:
    """Killed once some images are there: nothing is taken for done, the next reading is right."""
    rows = [row(n, image=in_base64(n)) for n in range(1200)]
    write_tsv(tmp_path / "Some.tsv", rows)
    process = multiprocessing.get_context("fork").Process(
        target=_read_in_a_process, args=(tmp_path,)
    )
    process.start()
    images = tmp_path / "cache"
    while len(list(images.glob("*/images/*"))) < 40:
        assert process.is_alive()
        time.sleep(0.001)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert not list(images.glob("*/images.json"))
    found = PLAIN.read(tmp_path / "Some.tsv", cache=images)
    assert [sources(found[place]) for place in (0, 700, 1199)] == [
        [picture(0)], [picture(700)], [picture(1199)],
    ]  # fmt: skip


def test_processes_that_unpack_at_once_do_not_harm_each_other(tmp_path: Path) -> None:
    write_tsv(tmp_path / "Some.tsv", [row(n, image=in_base64(n)) for n in range(200)])
    fork = multiprocessing.get_context("fork")
    processes = [fork.Process(target=_read_in_a_process, args=(tmp_path,)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    found = PLAIN.read(tmp_path / "Some.tsv", cache=tmp_path / "cache")
    assert sources(found[199]) == [picture(199)]
    assert not list((tmp_path / "cache").rglob("*.partial"))


def test_a_file_of_the_store_is_whole_or_not_there(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    store = image_store.ImageStore(tmp_path)
    (tmp_path / "images/left.1.partial").write_bytes(b"half")  # what a kill leaves behind
    name = store.put(picture(1))
    assert store.path(name).read_bytes() == picture(1)
    assert store.finished() is None
    store.finish([[name]])
    assert store.finished() == [[name]]
