"""Figures of an evaluation by hand."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from sophia.evaluation.compare import (
    comparison_table,
    differences,
    figure_rows,
    point_figures,
    summarise,
)
from sophia.evaluation.records import EvalRecord, load_records, save_records


def record(index: int, **overrides: Any) -> EvalRecord:
    values: dict[str, Any] = {
        "uid": f"p{index}", "problem_type": "numerical", "units": (index,), "question": "?",
        "problem": "?", "answer": "4", "text": "4", "well_formed": True, "outcome": 1.0,
        "thinking": 1.0,
    }  # fmt: skip
    return EvalRecord(**{**values, **overrides})


BEFORE = [
    record(0),
    record(1, thinking=0.7),
    record(2, outcome=0.0, thinking=0.5),
    record(3, outcome=0.0, thinking=None, well_formed=False, problem_type="multiple choice"),
    record(4, outcome=None),
]


def test_figures_leave_out_what_could_not_be_scored() -> None:
    figures = {name: estimate.value for name, estimate in summarise(BEFORE).items()}
    assert figures["accuracy"] == 0.5  # the fifth has no outcome
    assert figures["thinking"] == pytest.approx((1 + 0.7 + 0.5 + 1) / 4)
    assert figures["right_wrong_thinking"] == 0.5  # one of the two right answers
    assert figures["format"] == 0.8
    assert figures["accuracy/multiple choice"] == 0.0


def test_types_stand_right_below_accuracy() -> None:
    names = ["accuracy", "accuracy/multiple choice", "accuracy/numerical", "thinking"]
    assert list(summarise(BEFORE))[:4] == list(point_figures(BEFORE))[:4] == names
    rows = figure_rows({"before": BEFORE, "after": BEFORE})
    assert [row.label for row in rows][:3] == ["accuracy", "  multiple choice", "  numerical"]


def test_without_a_judge_there_are_no_figures_about_thinking() -> None:
    unjudged = [replace(r, thinking=None) for r in BEFORE]
    assert not [name for name in summarise(unjudged) if "thinking" in name]
    assert not [name for name in point_figures(unjudged) if "thinking" in name]
    assert not [name for name in differences(unjudged, BEFORE) if "thinking" in name]
    console = Console(record=True, width=100)
    console.print(comparison_table(unjudged, unjudged, title="run"))
    text = console.export_text()
    assert "thinking" not in text
    assert "nan" not in text


def test_a_judge_that_scored_nothing_is_no_zero() -> None:
    unscored = [replace(r, thinking=None, judged=True) for r in BEFORE]
    assert np.isnan(summarise(unscored)["thinking"].value)
    console = Console(record=True, width=100)
    console.print(comparison_table(unscored, BEFORE, title="run"))
    (row,) = (line for line in console.export_text().splitlines() if "thinking quality" in line)
    assert row.split()[2:4] == ["–", "80.0"]


def test_table_shows_before_after_and_change() -> None:
    after = [record(i, problem_type=r.problem_type) for i, r in enumerate(BEFORE)]
    console = Console(record=True, width=100)
    console.print(comparison_table(BEFORE, after, title="run"))
    text = console.export_text()
    assert "50.0 [" in text
    assert "100.0 [100, 100]" in text
    assert "+50.0 [" in text
    assert differences(BEFORE, after)["accuracy"].value == 0.5


def test_records_survive_the_file(tmp_path: Path) -> None:
    save_records(tmp_path / "records.jsonl", BEFORE)
    assert load_records(tmp_path / "records.jsonl") == BEFORE


def test_older_files_hold_no_problem(tmp_path: Path) -> None:
    row = {k: v for k, v in asdict(record(0)).items() if k not in ("problem", "options")}
    (tmp_path / "records.jsonl").write_text(json.dumps({**row, "question": "the turn"}) + "\n")
    (read,) = load_records(tmp_path / "records.jsonl")
    assert (read.problem, read.options) == ("the turn", {})


LENIENT = [
    replace(BEFORE[0], lenient_outcome=1.0),
    replace(BEFORE[1], lenient_outcome=1.0),
    replace(BEFORE[2], lenient_outcome=0.0),
    replace(BEFORE[3], lenient_outcome=1.0),  # right, without the format
    replace(BEFORE[4], lenient_outcome=None),
]


def test_the_lenient_reading_is_a_second_accuracy() -> None:
    figures, strict = summarise(LENIENT), summarise(BEFORE)
    assert figures.pop("accuracy_lenient").value == 0.75
    assert figures == strict  # which knows of no lenient reading
    rows = [row.label for row in figure_rows({"before": LENIENT, "after": LENIENT})]
    assert rows[0] == "accuracy"
    assert rows[3] == "accuracy (lenient reading)"


def test_beside_answers_that_were_read_strictly_there_is_a_dash() -> None:
    console = Console(record=True, width=100)
    console.print(comparison_table(BEFORE, LENIENT, title="run"))
    (row,) = (line for line in console.export_text().splitlines() if "lenient" in line)
    assert row.split()[3:5] == ["–", "75.0"]


def test_files_from_before_the_lenient_reading_are_read(tmp_path: Path) -> None:
    row = {k: v for k, v in asdict(record(0)).items() if k != "lenient_outcome"}
    (tmp_path / "records.jsonl").write_text(json.dumps(row) + "\n")
    save_records(tmp_path / "later.jsonl", LENIENT)
    assert load_records(tmp_path / "records.jsonl") == [record(0)]
    assert load_records(tmp_path / "later.jsonl") == LENIENT
