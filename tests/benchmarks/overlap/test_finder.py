"""Training rows in files against benchmarks in memory."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from sophia.benchmarks.item import Item
from sophia.benchmarks.overlap.finder import compare
from sophia.benchmarks.overlap.match import Compared
from sophia.benchmarks.overlap.sketches import Sketches
from sophia.benchmarks.overlap.tally import Tally
from sophia.benchmarks.overlap.target import Target, open_target
from sophia.benchmarks.overlap.thresholds import Thresholds
from sophia.data.check.check import rows_of
from sophia.types import Media, Prompt
from tests.benchmarks.listed import Listed
from tests.benchmarks.overlap.pictures import bars, cropped, saved, triangles
from tests.data.builders import dataset, plain_source, write_lines

LONG = (
    "A farmer has twelve fields, and in each of them grow seven rows of cabbages; how many rows of"
    " cabbages has he?"
)
ITEMS = Listed(
    items=[
        Item(
            index="chart",
            question="What is the value of B?",
            answer="A",
            options={"A": "12", "B": "30"},
            images=(Media(source=saved(bars(0), "PNG")),),
        ),
        Item(index="farmer", question=LONG, answer="84"),
        Item(index="short", question="Compute 2 + 3.", answer="5"),
        Item(
            index="corner",
            question="Which angle is the largest one?",
            answer="B",
            images=(Media(source=saved(triangles(4), "PNG")),),
        ),
    ]
)


def found(
    tmp_path: Path, rows: Sequence[Mapping[str, object]], items: Listed = ITEMS
) -> tuple[list[Compared], Target]:
    """Rows of a JSONL file compared with a benchmark."""
    path = write_lines(tmp_path / "rows.jsonl", rows)
    with Sketches(tmp_path / "sketches.sqlite") as sketches:
        target = open_target("made", items, sketches=sketches, thresholds=Thresholds())
        rows_read = rows_of(dataset(plain_source(path)))
        return list(compare(rows_read, [target], sketches=sketches)), target


def kinds(compared: Sequence[Compared]) -> list[list[tuple[str, int]]]:
    """The kind and the item of each match of each row."""
    return [[(match.kind, match.item) for match in one.matches.get("made", ())] for one in compared]


def row(problem: str, **more: object) -> dict[str, object]:
    return {"problem": problem, "answer": "1", "images": [], **more}


def test_kinds_of_a_match(tmp_path: Path) -> None:
    cropped(bars(0), 0.03).save(tmp_path / "same.jpg", quality=60)
    bars(1).save(tmp_path / "other.png")
    rows = [
        row("<image>what is the value of B", images=["same.jpg"]),
        row("What is the value of B? A. 12 B. 30", images=["same.jpg"]),
        row("How many bars are there?", images=["same.jpg"]),
        row("What is the value of B?", images=["other.png"]),  # too short to say anything alone
        row(LONG.upper()),
        row(LONG, images=["other.png"]),
        row("Compute 2 + 3"),
        row("Compute 2 + 3", images=["other.png"]),
        row("Compute 2 - 3"),
        row("Which of two images shows it?", images=["other.png", "same.jpg"]),
    ]
    compared, _ = found(tmp_path, rows)
    assert kinds(compared) == [
        [("question", 0)], [("question", 0)], [("image", 0)], [], [("text", 1)], [("text", 1)],
        [("text", 2)], [], [], [("image", 0)],
    ]  # fmt: skip
    first = compared[0].matches["made"][0]
    assert first.similarity == 1.0
    assert first.bits is not None
    assert first.bits <= 20
    assert first.likeness is not None
    assert first.likeness >= 0.95


def test_rows_and_images_that_cannot_be_read_end_nothing(tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(saved(bars(0), "PNG")[:200])
    items = Listed(
        items=[*ITEMS.items, Item(index="x", question="", answer="", images=(Media(source=b"?"),))]
    )
    rows = [
        row(LONG, images=["broken.png"]),
        row(LONG, images=["gone.png"]),
        row(""),
        row(LONG),
    ]
    compared, target = found(tmp_path, rows, items)
    assert kinds(compared) == [[("text", 1)], [("text", 1)], [], [("text", 1)]]
    assert [len(one.broken) for one in compared] == [1, 1, 0, 0]
    assert "gone.png" in str(compared[1].broken[0])
    assert [isinstance(one.row, Prompt) for one in compared] == [True, True, False, True]
    assert list(target.broken) == [4]


def test_a_question_is_counted_once_by_its_strongest_kind(tmp_path: Path) -> None:
    bars(0).save(tmp_path / "a.png")
    rows = [
        row("Any bars at all?", images=["a.png"]),
        row("What is the value of B?", images=["a.png"]),
        row("And in it?", images=["a.png"]),
        row(LONG),
        row("Nothing of it."),
    ]
    compared, target = found(tmp_path, rows)
    tally = Tally(target)
    for one in compared:
        tally.add(one)
    assert tally.counts == {"question": 1, "image": 0, "text": 1}
    assert tally.share == 0.5
    assert tally.num_rows == 4
    assert [len(pairs) for pairs in tally.shown.values()] == [1, 1, 1]  # one per question


def test_what_was_sketched_is_found_on_disk(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    bars(0).save(path)
    images = [Media(source=path), Media(source=saved(bars(1), "PNG")), Media(source=path)]
    with Sketches(tmp_path / "kept" / "s.sqlite") as sketches:
        first = sketches.of(images)
    stat = path.stat()
    path.write_bytes(bytes(stat.st_size))  # no image any more, but nobody looks
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    with Sketches(tmp_path / "kept" / "s.sqlite") as sketches:
        again = sketches.of(images)
        path.write_bytes(b"changed")
        changed = sketches.of(images[:1])
    assert [one.to_bytes() for one in first] == [one.to_bytes() for one in again]  # type: ignore[union-attr]
    assert isinstance(changed[0], Exception)


@pytest.mark.parametrize(
    ("name", "value"),
    [("max_bits", 128), ("min_likeness", 0.0), ("min_similarity", 0.9), ("run_words", 0)],
)
def test_thresholds_out_of_range_are_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=r"thresholds\.\w+ is .*; it must"):
        Thresholds(**{name: value})  # type: ignore[arg-type]
