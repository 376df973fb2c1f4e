"""`python -m sophia overlap`, from files to files."""

from __future__ import annotations

import base64
import csv
from pathlib import Path

import pytest

from sophia.benchmarks.overlap.files import EXCLUDE, PAIRS, UNREAD
from tests.benchmarks.overlap.pictures import bars, resized, saved, triangles
from tests.browser import opened
from tests.commands import run
from tests.data.builders import dataset, plain_source, write_lines

LONG = (
    "A farmer has twelve fields, and in each of them grow seven rows of cabbages; how many rows of"
    " cabbages has he?"
)


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write_benchmark(path: Path) -> Path:
    """A benchmark of three questions as VLMEvalKit's TSV."""
    chart, corner = (
        base64.b64encode(saved(picture, "PNG")).decode() for picture in (bars(0), triangles(4))
    )
    path.write_text(
        "index\tquestion\tA\tB\tanswer\timage\n"
        f"1\tWhat is the value of B?\t12\t30\tA\t{chart}\n"
        f"2\tWhich corner is at the top?\tA\tB\tA\t{corner}\n"
        f"3\t{LONG}\t84\t19\tA\t\n"
    )
    return path


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is typed for a benchmark and for six training rows."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    resized(bars(0), 0.5).save(tmp_path / "again.jpg", quality=50)
    bars(1).save(tmp_path / "other.png")
    (tmp_path / "broken.png").write_bytes(saved(bars(2), "PNG")[:100])
    rows = [
        {"problem": "What is the value of B?", "answer": "12", "images": ["again.jpg"]},
        {"problem": "How many bars are there?", "answer": "5", "images": ["again.jpg"]},
        {"problem": "What is the value of D?", "answer": "7", "images": ["other.png"]},
        {"problem": LONG, "answer": "84", "images": []},
        {"problem": "What is the value of E?", "answer": "7", "images": ["broken.png"]},
        {"problem": "", "answer": "7", "images": []},
    ]
    benchmark = write_benchmark(tmp_path / "mine.tsv")
    return [
        "data=rows",
        f"data.train.sources.files.mine={write_lines(tmp_path / 'rows.jsonl', rows)}",
        "data.train.part=[0.0,1.0]",
        "benchmark=[own]",
        f"benchmarks.own.sources.0.file={benchmark}",
        f"cache_dir={tmp_path / 'cache'}",
        f"run_dir={tmp_path / 'out'}",
    ]


def overlap(*typed: str, cache: Path, expect: int = 0) -> str:
    return run("-m", "sophia", "overlap", *typed, cache=cache, expect=expect)


def test_pairs_page_and_the_rows_to_leave_out(
    files: list[str], tmp_path: Path, cache: Path
) -> None:
    said = overlap(*files, cache=cache)
    out = tmp_path / "out"
    pairs = table(out / PAIRS)
    assert [(pair["index"], pair["kind"], pair["row"]) for pair in pairs] == [
        ("1", "same question", "0"),
        ("1", "same image", "1"),
        ("3", "same text", "3"),
    ]
    assert pairs[0]["training_question"] == pairs[0]["question"] == "What is the value of B?"
    assert "66.7%" in said
    assert "5 training rows compared" in said
    assert [line["row"] for line in table(out / UNREAD)] == ["4", "5"]
    assert "broken.png" in said
    assert f"data.train.exclude={out / EXCLUDE}" in said

    source = plain_source(tmp_path / "rows.jsonl", name="mine")
    kept = dataset(source, exclude=str(out / EXCLUDE))
    assert [kept.sources[0].origin(int(row)).row for row in kept._drawn[:, 1]] == [2, 4, 5]

    with opened(out / "overlap.html") as page:
        assert page.inner_text("h1") == "Training rows beside own"
        assert len(page.query_selector_all(".card:visible")) == 3
        card = page.query_selector('.card[data-kind="question"]')
        assert len(card.query_selector_all("img")) == 2
        page.click('button[data-kind="text"]')
        assert len(page.query_selector_all(".card:visible")) == 1


def test_a_second_call_finds_the_same_and_leaves_out_what_is_asked(
    files: list[str], tmp_path: Path, cache: Path
) -> None:
    overlap(*files, cache=cache)
    first = (tmp_path / "out" / PAIRS).read_text()
    overlap(*files, "exclude=[question]", cache=cache)
    assert (tmp_path / "out" / PAIRS).read_text() == first
    excluded = table(tmp_path / "out" / EXCLUDE)
    assert [line["row"] for line in excluded] == ["0"]
    assert excluded[0]["reason"] == "same question as own 1"


def test_mistakes_are_one_sentence(files: list[str], cache: Path) -> None:
    none = [typed for typed in files if not typed.startswith("benchmark")]
    said = overlap(*none, cache=cache, expect=1)
    assert "error: no benchmark is named" in said
    assert "mathvista" in said
    said = overlap(*files, "thresholds.min_likeness=2", cache=cache, expect=1)
    assert "error: thresholds.min_likeness is 2" in said
    said = overlap(*files, "exclude=[everything]", cache=cache, expect=1)
    assert "error: exclude is" in said


def test_other_words_for_it_lead_to_it(cache: Path) -> None:
    said = run("-m", "sophia", "contamination", cache=cache, expect=2)
    assert "Did you mean 'overlap'?" in said
