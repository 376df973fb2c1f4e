from __future__ import annotations

import logging
import pickle
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from torch.utils.data import DataLoader, Dataset

from sophia.data.check.report import write_refused
from sophia.data.images.opening import open_media
from sophia.data.rows.row_error import RowError
from sophia.data.rows.source import row_sources
from sophia.types import Prompt
from tests.data.builders import (
    SOPHIA_COLUMNS,
    dataset,
    encoded,
    fitter,
    image,
    plain_source,
    sophia_row,
    sophia_source,
    write_lines,
    write_list,
)
from tests.data.check.test_check import check


def rows(number: int, **overrides: Any) -> list[dict[str, Any]]:
    return [sophia_row(problem_id=n, **overrides) for n in range(number)]


def uids(prompts: Any) -> list[str]:
    return [prompts[index].uid for index in range(len(prompts))]


def test_sources_come_one_after_the_other() -> None:
    both = dataset(sophia_source(rows(2), name="a"), sophia_source(rows(1), name="b"))
    assert uids(both) == ["a/0", "a/1", "b/0"]
    with pytest.raises(IndexError):
        both[3]


def test_weights_repeat_rows_or_draw_a_part() -> None:
    two_and_a_half = dataset(sophia_source(rows(10), weight=2.5))
    counts = Counter(uid.split("#")[0] for uid in uids(two_and_a_half))
    assert len(two_and_a_half) == 25
    assert sorted(counts.values()) == [2] * 5 + [3] * 5
    assert len(set(uids(two_and_a_half))) == 25


def test_everything_follows_from_the_seed() -> None:
    def drawn(seed: int) -> list[str]:
        return uids(dataset(sophia_source(rows(40), weight=0.5), seed=seed, limit=10))

    assert drawn(3) == drawn(3)
    assert drawn(3) != drawn(4)
    assert len(set(drawn(3))) == 10


def test_parts_cover_the_rows_once_whatever_the_seed() -> None:
    def part(begin: float, end: float, seed: int) -> list[str]:
        return uids(dataset(sophia_source(rows(41)), part=(begin, end), seed=seed))

    train, heldout = part(0.0, 0.9, 1), part(0.9, 1.0, 2)
    assert (len(train), len(heldout)) == (37, 4)
    assert sorted(train + heldout) == sorted(uids(dataset(sophia_source(rows(41)))))
    assert heldout == part(0.9, 1.0, 3)
    assert heldout != [f"Math/{n}" for n in range(37, 41)]


@pytest.mark.parametrize("part", [(0.5, 0.5), (0.9, 1.1), (0.5, 0.1)])
def test_parts_that_make_no_sense(part: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match=r"expected two shares with 0 <= begin < end <= 1"):
        dataset(sophia_source(rows(3)), part=part)


def test_sources_of_one_shape(tmp_path: Path) -> None:
    files = {name: str(write_list(tmp_path / f"{name}.json", rows(2))) for name in "ab"}
    both = row_sources(files, columns=SOPHIA_COLUMNS, weights={"b": 2.0})
    assert uids(dataset(*both)) == ["a/0", "a/1", "b/0", "b/1", "b/0#1", "b/1#1"]
    with pytest.raises(ValueError, match=r"given for \['c'\], which are not among the files"):
        row_sources(files, columns=SOPHIA_COLUMNS, weights={"c": 2.0})


def test_limit_larger_than_the_data() -> None:
    assert len(dataset(sophia_source(rows(3)), limit=10)) == 3


def test_filter_by_problem_type() -> None:
    mixed = [
        sophia_row(problem_id=1),
        sophia_row(problem_id=2, problem_type="OCR"),
        sophia_row(problem_id=3, problem_type="free-form"),
    ]
    kept = dataset(sophia_source(mixed), problem_types=["OCR", "numerical"])
    assert uids(kept) == ["Math/1", "Math/2"]
    with pytest.raises(ValueError, match=r"no rows are left of the sources \['Math'\]"):
        len(dataset(sophia_source(mixed), problem_types=["multiple choice"]))


def test_a_bad_row_is_refused_when_asked_for() -> None:
    bad = dataset(sophia_source([sophia_row(), sophia_row(solution="")]))
    assert len(bad) == 2
    with pytest.raises(RowError, match="row 1, column 'solution': the answer is empty"):
        bad[1]


def test_bad_rows_are_skipped_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    text: dict[str, Any] = {"path": "", "data_type": "text"}
    bad = [sophia_row(problem_id=1, solution=""), *rows(2, **text), sophia_row(problem="")]
    kept = dataset(sophia_source(bad), on_bad_row="skip")
    with caplog.at_level(logging.WARNING):
        assert uids(kept) == ["Math/0", "Math/1"]
    assert [error.origin.row for error in kept.skipped] == [0, 3]
    assert "skipped 2 of 4 rows that cannot be used" in caplog.text
    assert "row 0, column 'solution': the answer is empty" in caplog.text


def pictures(folder: Path) -> list[dict[str, Any]]:
    """Rows with every kind of image that cannot be used, between two that can."""
    whole = {"png": encoded(image(200, 200)), "jpg": encoded(image(200, 200), "JPEG")}
    whole["bmp"] = encoded(image(200, 200), "BMP")
    for name, data in whole.items():
        (folder / f"whole.{name}").write_bytes(data)
        (folder / f"cut.{name}").write_bytes(data[: len(data) // 2])
    (folder / "text.png").write_text("not an image")
    (folder / "empty.png").touch()
    good = [f"whole.{name}" for name in whole]
    bad = [f"cut.{name}" for name in whole] + ["text.png", "empty.png", "gone.png", ""]
    inside = {"bytes": whole["jpg"][:-40], "path": None}
    names: list[Any] = [good[0], *bad[:-1], ["whole.png", "gone.png"], inside, *good[1:]]
    return [{"problem": f"x{n}", "answer": "1", "images": one} for n, one in enumerate(names)]


def test_rows_whose_images_are_missing_or_broken_are_skipped(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write_lines(tmp_path / "rows.jsonl", [r for r in pictures(tmp_path) if r["images"]][:7])
    kept = dataset(plain_source(path), on_bad_row="skip")
    with caplog.at_level(logging.WARNING):
        assert uids(kept) == ["plain/rows-0"]
    assert [error.origin.row for error in kept.skipped] == [1, 2, 3, 4, 5, 6]
    assert all(error.column == "images" for error in kept.skipped)
    assert "skipped 6 of 7 rows that cannot be used" in caplog.text
    in_memory = dataset(
        plain_source(pictures(tmp_path), image_root=str(tmp_path)), on_bad_row="skip"
    )
    assert uids(in_memory) == ["plain/<memory>-0", "plain/<memory>-9", "plain/<memory>-10"]
    fits = fitter(max_pixels=400 * 784, max_prompt_tokens=1000)
    assert [len(fits.open(in_memory[place]).media) for place in range(3)] == [1, 1, 1]


def test_with_refuse_images_are_not_looked_at(tmp_path: Path) -> None:
    assert len(dataset(plain_source(pictures(tmp_path), image_root=str(tmp_path)))) == 11


@pytest.mark.parametrize("suffix", ["json", "jsonl"])
def test_an_empty_file_is_said_to_be_empty(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"rows.{suffix}"
    path.write_text("[]" if suffix == "json" else "\n")
    with pytest.raises(
        ValueError, match=rf"no rows are left of the sources .*files are empty \({path}\)"
    ):
        len(dataset(plain_source(path)))


def test_a_file_too_short_to_be_cut_says_what_to_do(caplog: pytest.LogCaptureFixture) -> None:
    three = plain_source([{"problem": f"x{n}", "answer": "1", "images": ""} for n in range(3)])
    assert len(dataset(three, part=(0.0, 0.95))) == 3
    with pytest.raises(
        ValueError, match=r"part \[0\.95, 1\.0\] of the rows \(3 of 'plain'\) is"
    ) as few:
        len(dataset(three, part=(0.95, 1.0)))
    assert "data.train.part=[0.0,1.0] data.heldout.part=[0.0,1.0]" in str(few.value)
    assert "data.heldout.sources.files=PATH" in str(few.value)
    with caplog.at_level(logging.WARNING):
        assert len(dataset(three, part=(0.5, 0.9))) == 1
    assert "one row is all that part [0.5, 0.9] leaves. For so few rows give" in caplog.text


def test_files_alone_are_named_after_themselves(tmp_path: Path) -> None:
    write_list(tmp_path / "Math.json", rows(1))
    write_list(tmp_path / "OCR-0.json", rows(1))
    write_list(tmp_path / "OCR-1.json", rows(1))
    one = row_sources(str(tmp_path / "Math.json"), columns=SOPHIA_COLUMNS)
    assert uids(dataset(*one)) == ["Math/0"]
    both = row_sources(
        [str(tmp_path / "Math.json"), str(tmp_path / "OCR-*.json")],
        columns=SOPHIA_COLUMNS,
        weights={"OCR": 2.0},
    )
    assert [(source.name, source.weight) for source in both] == [("Math", 1.0), ("OCR", 2.0)]
    with pytest.raises(ValueError, match=r"would be called \['rows'\]; name them yourself"):
        row_sources(["a/rows.json", "b/rows.jsonl"], columns=SOPHIA_COLUMNS)


def test_excluded_rows_stay_out(tmp_path: Path) -> None:
    image().save(tmp_path / "a.png")
    bad = [sophia_row(solution="", path="a.png"), *rows(2, path="a.png")]
    source_file = write_list(tmp_path / "Math.json", bad)
    report = check().run(dataset(sophia_source(source_file)), heldout=None, show_progress=False)
    write_refused(report, tmp_path / "refused.csv")
    kept = dataset(sophia_source(source_file), exclude=str(tmp_path / "refused.csv"))
    assert uids(kept) == ["Math/0", "Math/1"]
    (tmp_path / "wrong.csv").write_text("uid\nx\n")
    with pytest.raises(ValueError, match=r"has the columns \['uid'\], expected at least file and"):
        len(dataset(sophia_source(source_file), exclude=str(tmp_path / "wrong.csv")))


def test_settings_that_cannot_work() -> None:
    with pytest.raises(ValueError, match=r"sources are \['a', 'a'\]; expected at least one, and"):
        dataset(sophia_source([], name="a"), sophia_source([], name="a"))
    with pytest.raises(ValueError, match=r"sources are \[\]; expected at least one"):
        dataset()
    with pytest.raises(ValueError, match="limit is 0"):
        dataset(sophia_source([]), limit=0)
    with pytest.raises(ValueError, match="weight 0, expected more than 0"):
        sophia_source([], weight=0)
    with pytest.raises(ValueError, match="no rows are left"):
        len(dataset(sophia_source([])))


def test_a_misspelt_column_is_found_before_it_looks_empty() -> None:
    misnamed = [{"problem": "x", "answer": "1", "image": "a.png"}]
    with pytest.raises(
        ValueError, match=r"no row has the column\(s\) \['images'\]; columns found: .*'image'"
    ):
        len(dataset(plain_source(misnamed)))


def test_rows_may_lack_optional_columns() -> None:
    ragged = [{"problem": "x", "answer": "1", "images": "a"}, {"problem": "y", "answer": "2"}]
    prompts = dataset(plain_source(ragged))
    assert [len(prompts[index].media) for index in (0, 1)] == [1, 0]


def test_nothing_is_read_before_the_first_use(tmp_path: Path) -> None:
    lazy = dataset(sophia_source(tmp_path / "later.json"))
    write_list(tmp_path / "later.json", rows(2))
    assert len(lazy) == 2


def test_rows_stay_references(tmp_path: Path) -> None:
    written = write_lines(tmp_path / "rows.jsonl", rows(1000, problem="x" * 1000))
    source = dataset(sophia_source(written))
    assert len(source) == 1000
    # Offsets of 1,000 rows are 16 kB and their places 24 kB; the file is more than 1 MB.
    assert len(pickle.dumps(source)) < 60_000


def test_two_epochs_over_mixed_rows_in_workers(tmp_path: Path) -> None:
    for name in ("one", "two"):
        image(60, 40).save(tmp_path / f"{name}.png")
    mixed = [
        {"problem": "No image?", "answer": "1"},
        {"problem": "One?", "answer": "1", "images": "one.png"},
        {"problem": "<image> or <image>?", "answer": "1", "images": ["one.png", "two.png"]},
    ]
    source = plain_source(write_lines(tmp_path / "rows.jsonl", mixed * 8))
    prompts = _Opened(dataset(source))
    loader: DataLoader[list[Prompt]] = DataLoader(
        prompts, batch_size=4, num_workers=2, collate_fn=list
    )
    epochs = [[prompt for batch in loader for prompt in batch] for _ in range(2)]
    for epoch in epochs:
        assert [len(prompt.media) for prompt in epoch] == [0, 1, 2] * 8
    assert [p.uid for p in epochs[0]] == [p.uid for p in epochs[1]]


class _Opened(Dataset[Any]):
    def __init__(self, prompts: Any) -> None:
        self._prompts = prompts

    def __len__(self) -> int:
        return len(self._prompts)

    def __getitem__(self, index: int) -> Prompt:
        return open_media(self._prompts[index], min_pixels=784, max_pixels=7840)


def test_a_bad_row_in_a_worker_names_itself(tmp_path: Path) -> None:
    source = plain_source([{"problem": "x", "answer": "1", "images": str(tmp_path / "no.png")}])
    opened = _Opened(dataset(source))
    loader: DataLoader[list[Prompt]] = DataLoader(opened, num_workers=1, collate_fn=list)
    with pytest.raises(RowError, match=r"row 0, column 'images': there is no file .*no.png"):
        list(loader)
