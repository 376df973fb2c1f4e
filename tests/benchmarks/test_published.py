"""Every shipped benchmark reads every published layout of its file, and asks as it is asked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from sophia.benchmarks.item import Item
from tests.benchmarks.fixtures.published import FIXTURES, write
from tests.benchmarks.published_sources import NAMES, config, every, items, prompt, sources

LAYOUTS = [(name, place) for name, writers in FIXTURES.items() for place in range(len(writers))]


def read(name: str, root: Path, place: int = 0) -> list[Item]:
    """The items of the fixture for a benchmark's source at that place."""
    FIXTURES[name][place](root)
    found = items(sources(name)[place], root)
    return every(found)


def asked(name: str, item: Item) -> list[Any]:
    """The prompt with an image as its number in the item."""
    return [p if isinstance(p, str) else item.images.index(p) for p in prompt(name)(item)]


def test_every_source_of_every_benchmark_has_a_fixture() -> None:
    counts = {name: len(config(name).sources) for name in NAMES if name != "own"}
    assert counts == {name: len(writers) for name, writers in FIXTURES.items()}


@pytest.mark.parametrize(("name", "place"), LAYOUTS)
def test_every_layout_is_read(name: str, place: int, tmp_path: Path) -> None:
    found = read(name, tmp_path, place)
    assert found
    assert len({item.index for item in found}) == len(found)
    for item in found:
        assert item.answer
        content = prompt(name)(item)
        assert any(isinstance(part, str) and part.strip() for part in content)
        for media in item.images:
            assert isinstance(media.source, Path)
            Image.open(media.source).load()
    if name not in ("gsm8k", "math500"):
        assert all(item.images and item.unit for item in found)


@pytest.mark.parametrize(
    "name", sorted({n for n, place in LAYOUTS if place == 0 and n != "digits"})
)
def test_a_missing_file_says_where_it_belongs_and_how_to_get_it(name: str, tmp_path: Path) -> None:
    for source in sources(name):
        assert source.find(tmp_path) is None
        said = source.expected(tmp_path)
        assert str(tmp_path) in said
        assert "\n" not in said


@pytest.mark.parametrize("name", ["mmstar", "mmbench", "mmmu", "chartqa", "mme"])
def test_parquet_files_ask_what_the_tsv_file_asks(name: str, tmp_path: Path) -> None:
    """Category names and the names of rows differ between the two, questions do not."""
    tsv, parquet = read(name, tmp_path / "a"), read(name, tmp_path / "b", 1)
    assert [asked(name, item) for item in tsv] == [asked(name, item) for item in parquet]
    assert [item.answer for item in tsv] == [item.answer for item in parquet]
    assert [item.unit for item in tsv] == [item.unit for item in parquet]


def test_mathvista_in_parquet_has_the_columns_of_the_tsv(tmp_path: Path) -> None:
    tsv, parquet = read("mathvista", tmp_path / "a"), read("mathvista", tmp_path / "b", 1)
    for one, other in zip(tsv, parquet, strict=True):
        same = replace(other, images=one.images)
        assert {**same.extra, "answer_option": ""} == {**one.extra, "answer_option": ""}
        assert same.labels == one.labels
        assert (same.index, same.question, same.answer) == (one.index, one.question, one.answer)
    assert tsv[2].extra["answer_option"] == "B"
    assert tsv[1].extra["precision"] == "1.0"
    assert tsv[1].labels["skills"] == "['geometry reasoning', 'logical reasoning']"


def test_mathverse_in_parquet_has_the_labels_of_the_tsv(tmp_path: Path) -> None:
    tsv, parquet = read("mathverse", tmp_path / "a"), read("mathverse", tmp_path / "b", 1)
    assert [item.labels for item in tsv] == [item.labels for item in parquet]
    assert tsv[5].labels == {"version": "Text Dominant", "subject": "Solid Geometry"}


def test_each_version_of_mathverse_is_a_benchmark_too(tmp_path: Path) -> None:
    found = read("mathverse_vision_only", tmp_path)
    assert {item.labels["version"] for item in found} == {"Vision Only"}


def test_rotations_of_a_question_share_their_group_and_their_image(tmp_path: Path) -> None:
    found = read("mmbench", tmp_path)
    assert [item.labels["group"] for item in found] == ["17", "17", "17", "23", "23"]
    assert [item.index for item in found[:3]] == ["17", "1000017", "2000017"]
    assert len({item.unit for item in found[:3]}) == 1
    assert found[0].unit != found[3].unit
    assert [item.answer for item in found] == ["A", "C", "B", "A", "B"]
    assert dict(found[4].options) == {"A": "no", "B": "yes"}


def test_both_questions_about_an_image_share_it(tmp_path: Path) -> None:
    found = read("mme", tmp_path)
    assert [item.labels["image"] for item in found[:2]] == ["images/existence/1.png"] * 2
    assert found[0].images == found[1].images
    assert found[1].images != found[2].images


def test_multiple_choice_is_asked_as_vlmevalkit_asks(tmp_path: Path) -> None:
    found = read("mmbench", tmp_path)
    assert asked("mmbench", found[0]) == [
        0,
        "Hint: It has no corners.\nQuestion: Which shape is it?\nOptions:\nA. circle\nB. square\n"
        "C. star\nPlease select the correct answer from the options above. \n",
    ]


def test_images_stand_where_a_question_speaks_of_them(tmp_path: Path) -> None:
    dev, val, free = read("mmmu", tmp_path)
    tail = "\nPlease select the correct answer from the options above. \n"
    assert asked("mmmu", dev) == [
        "Question: Does ", 0, " agree with ", 1,
        f"?\nOptions:\nA. yes\nB. no\nC. in part\nD. neither{tail}",
    ]  # fmt: skip
    assert asked("mmmu", val) == [
        "Question: Who made ", 0, "?\nOptions:\nA. him ", 1, "\nB. her ", 2, tail,
    ]  # fmt: skip
    assert asked("mmmu", free) == ["Question: What is the slope in ", 0, "?\n"]
    assert (free.answer, dict(free.options)) == ("2.5", {})
    assert val.labels == {"split": "validation", "category": "Art_Theory", "l2-category": "all"}


def test_mmmu_pro_ends_in_its_own_words(tmp_path: Path) -> None:
    *_, last = asked("mmmu_pro", read("mmmu_pro", tmp_path)[0])
    closing = "\nJ. answer 9\nAnswer directly with the option letter from the given choices. "
    assert last.endswith(closing)
    assert asked("mmmu_pro_vision", read("mmmu_pro_vision", tmp_path)[0]) == [
        0,
        "Answer the following multiple-choice question in the image. Answer directly with the"
        " option letter from the given choices. ",
    ]


def test_chartqa_and_cv_bench_are_asked_as_vlmevalkit_asks(tmp_path: Path) -> None:
    assert asked("chartqa", read("chartqa", tmp_path)[0])[1] == (
        "How many bars are there?\nAnswer the question using a single word or phrase."
    )
    assert asked("cv_bench", read("cv_bench", tmp_path)[1]) == [
        0,
        "Where is the cat? Select from the following choices.\n(A) left\n(B) right",
    ]


@pytest.mark.parametrize("place", [0, 1])
def test_cv_bench_is_both_of_its_parts(place: int, tmp_path: Path) -> None:
    found = read("cv_bench", tmp_path, place)
    assert [item.labels["type"] for item in found] == ["2D", "2D", "3D"]
    assert [item.labels["source"] for item in found] == ["ADE20K", "COCO", "Omni3D"]
    assert [item.answer for item in found] == ["B", "A", "B"]
    assert dict(found[2].options) == {"A": "box", "B": "ball"}
    assert [item.index for item in found] == (["2D/0", "2D/1", "3D/2"], ["0", "1", "2"])[place]


def test_a_part_that_is_missing_is_named(tmp_path: Path) -> None:
    write("cv_bench", tmp_path)
    (tmp_path / "CV-Bench-3D.tsv").unlink()
    source = sources("cv_bench")[0]
    assert source.find(tmp_path) is None
    assert "CV-Bench-3D.tsv" in source.expected(tmp_path)
    assert "CV-Bench-2D.tsv" not in source.expected(tmp_path)


def test_rows_of_hallusionbench_know_their_set_figure_and_number(tmp_path: Path) -> None:
    found = read("hallusionbench", tmp_path)
    assert len(found) == 5  # the row without an image is left out, as VLMEvalKit leaves it out
    keys = [[item.labels[name] for name in ("set", "figure", "number")] for item in found]
    assert keys[:3] == [["0", "0", "0"], ["0", "0", "1"], ["0", "1", "0"]]


@pytest.mark.parametrize("place", [0, 1])
def test_the_gold_answer_of_gsm8k_stands_behind_its_marks(place: int, tmp_path: Path) -> None:
    assert [item.answer for item in read("gsm8k", tmp_path, place)] == ["7", "2,400"]


def test_math_500_is_labelled(tmp_path: Path) -> None:
    first = read("math500", tmp_path)[0]
    assert first.labels == {"subject": "Prealgebra", "level": "2"}
    assert asked("math500", first) == ["What is $\\frac12+\\frac13$?"]


def test_fixtures_are_not_taken_for_the_published_files(tmp_path: Path) -> None:
    write("mmstar", tmp_path)
    assert items(sources("mmstar")[0], tmp_path).is_official is False
