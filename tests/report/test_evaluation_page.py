"""The page of an evaluation, made by hand, looked at in a browser."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sophia.report.evaluation import write_evaluation_page
from tests.browser import opened
from tests.builders import prompt
from tests.records import record

pytestmark = pytest.mark.usefixtures("one_browser")

PROMPTS = [prompt(uid=f"p{i}") for i in range(3)]
JUDGED = [record(0), record(1, thinking=0.2, problem_type="ocr"), record(2, thinking=None)]
UNJUDGED = [replace(r, thinking=None) for r in JUDGED]


def write(path: Path, **columns: list[object]) -> Path:
    page = path / "evaluation.html"
    title = "Evaluation of quickstart/a"
    write_evaluation_page(page, columns, PROMPTS, title=title, subtitle="3 questions")  # type: ignore[arg-type]
    return page


def test_the_title_names_the_runs(tmp_path: Path) -> None:
    with opened(write(tmp_path, a=list(JUDGED)), width=420) as page:
        assert page.title() == page.inner_text("h1") == "Evaluation of quickstart/a"
        assert page.evaluate("document.documentElement.scrollWidth") <= 420


def test_types_stand_under_accuracy(tmp_path: Path) -> None:
    with opened(write(tmp_path, a=list(JUDGED))) as page:
        cells = page.query_selector_all("td.label")
        labels = [cell.inner_text() for cell in cells]
        assert labels[:4] == ["accuracy", "numerical", "ocr", "thinking quality"]
        indents = [
            cell.evaluate("c => parseFloat(getComputedStyle(c).paddingLeft)") for cell in cells
        ]
        assert indents[1] == indents[2] > indents[0] == indents[3]


def test_a_policy_that_nobody_judged_has_dashes_beside_one_that_was(tmp_path: Path) -> None:
    with opened(write(tmp_path, one=list(UNJUDGED), two=list(JUDGED))) as page:
        row = page.query_selector("tr:has-text('thinking quality')").inner_text().split("\t")
        assert row[1] == "–"
        assert row[2].startswith("60.0")
        assert row[3] == ""  # no change from what is not known


def test_without_a_judge_there_is_no_thinking(tmp_path: Path) -> None:
    with opened(write(tmp_path, one=list(UNJUDGED), two=list(UNJUDGED))) as page:
        assert "hinking" not in page.inner_text("body")


def test_the_lenient_reading_is_shown_beside_the_strict_one(tmp_path: Path) -> None:
    read = [replace(r, outcome=0.0, lenient_outcome=1.0) for r in JUDGED]
    with opened(write(tmp_path, a=list(read))) as page:
        row = page.query_selector("tr:has-text('accuracy (lenient reading)')").inner_text()
        assert row.split("\t")[1].startswith("100.0")
        marks = [mark.inner_text() for mark in page.query_selector_all(".card .mark")]
        assert marks[:2] == ["outcome 0", "lenient reading 1"]
    with opened(write(tmp_path, a=list(JUDGED))) as page:
        assert "lenient" not in page.inner_text("body")
