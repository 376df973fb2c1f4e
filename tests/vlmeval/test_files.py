"""Whole prediction files, scored by VLMEvalKit's ``evaluate`` without a judge and by our rules."""

from __future__ import annotations

import gc
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import ascii_uppercase
from typing import Any

import pandas
import pytest

from sophia.benchmarks.item import Item, Rule
from sophia.benchmarks.rules.choice import Choice, MMMUChoice
from sophia.benchmarks.rules.relaxed import Relaxed
from sophia.benchmarks.rules.yes_no import YesNo
from tests.vlmeval.rows import LETTERS, chart_rows, choice_rows, yes_no_answers
from tests.vlmeval.scorer import CustomMCQDataset, ImageVQADataset, ImageYORNDataset

IMAGE = "iVBORw0KGgo" + "A" * 60  # never opened
READ_AS_MISSING = ("", "nan", "None", "NA", "null")


def files(folder: Path, name: str, rows: Sequence[Mapping[str, Any]]) -> Path:
    """A benchmark's file and one of predictions, as VLMEvalKit writes them; the latter's path."""
    table = pandas.DataFrame(rows)
    table.insert(0, "index", range(1, len(rows) + 1))
    benchmark = table.drop(columns="prediction").assign(image=IMAGE)
    benchmark.to_csv(folder / f"{name}.tsv", sep="\t", index=False)
    path = folder / f"model_{name}.tsv"
    table.to_csv(path, sep="\t", index=False)
    return path


def ours(path: Path, rule: Rule) -> list[float]:
    """Our score of each row, its cells read as theirs are."""
    return [rule(_item(row), str(row["prediction"])).score for row in _rows(path)]


def _rows(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pandas.read_csv(path, sep="\t").to_dict("records")
    return found


def _item(row: Mapping[str, Any]) -> Item:
    options = {x: str(row[x]) for x in ascii_uppercase if x in row and not pandas.isna(row[x])}
    return Item(
        index=str(row["index"]), question=row["question"], answer=str(row["answer"]),
        options=options,
    )  # fmt: skip


def _choices(*, is_open: bool) -> list[dict[str, Any]]:
    """Rows with columns A to J; with ``is_open``, every third has its gold text and no options."""
    found = []
    for place, row in enumerate(choice_rows(800, seed=1)):
        if len(row.options) > 10 or not row.answer.strip():
            continue
        options = {x: row.options.get(x) for x in LETTERS[:10]}
        gold = row.gold
        if is_open and place % 3 == 0:
            gold, options = row.options[gold], dict.fromkeys(options)
        found.append({"question": "?", **options, "answer": gold, "prediction": row.answer})
    return found


@pytest.mark.parametrize(
    ("name", "rule"),
    [("own_choices", Choice(stated=False)), ("MMMU_own", MMMUChoice(stated=False))],
)
def test_choices_are_scored_as_by_their_evaluation(tmp_path: Path, name: str, rule: Rule) -> None:
    rows = [
        row for row in _choices(is_open=name.startswith("MMMU"))
        if row["answer"] not in READ_AS_MISSING
    ]  # fmt: skip
    assert len(rows) >= 500
    path = files(tmp_path, name, rows)
    score = CustomMCQDataset(name).evaluate(str(path), model="exact_matching")
    theirs = pandas.read_csv(tmp_path / f"model_{name}_exact_matching_result.tsv", sep="\t")
    found = ours(path, rule)
    assert found == theirs["hit"].astype(float).tolist()
    assert score["Overall"][0] == pytest.approx(sum(found) / len(found))
    assert 0.1 < score["Overall"][0] < 0.9


def test_a_column_of_numbers_is_read_as_theirs_is(tmp_path: Path) -> None:
    # a gap makes 4 of a column 4.0; so "4" names no option, and "4.0" does
    rows: list[dict[str, Any]] = [
        {"question": "?", "A": 4, "B": 5, "C": 6, "answer": "A", "prediction": "it is 4.0"},
        {"question": "?", "A": None, "B": 5, "C": 7, "answer": "B", "prediction": "5."},
        {"question": "?", "A": 4, "B": 8, "C": 6, "answer": "A", "prediction": "it is 4"},
        {"question": "?", "A": 4, "B": 8, "C": 6, "answer": "B", "prediction": "it is nan"},
    ]
    path = files(tmp_path, "own_numbers", rows)
    CustomMCQDataset("own_numbers").evaluate(str(path), model="exact_matching")
    theirs = pandas.read_csv(tmp_path / "model_own_numbers_exact_matching_result.tsv", sep="\t")
    assert ours(path, Choice()) == theirs["hit"].astype(float).tolist() == [1.0, 1.0, 0.0, 0.0]


def test_yes_or_no_is_scored_as_by_their_evaluation(tmp_path: Path) -> None:
    rows = [
        {"question": "?", "answer": ("Yes", "No")[place % 2], "prediction": answer}
        for place, answer in enumerate(yes_no_answers(700, seed=1))
    ]
    path = files(tmp_path, "own_yes_no", rows)
    score = ImageYORNDataset("own_yes_no").evaluate(str(path), model="exact_matching")
    found = ours(path, YesNo())
    theirs = pandas.read_csv(tmp_path / "model_own_yes_no_auxmatch.tsv", sep="\t")
    assert found == theirs["score"].astype(float).tolist()
    assert score["Overall"][0] == pytest.approx(100 * sum(found) / len(found))


def test_charts_are_scored_as_by_their_evaluation(tmp_path: Path) -> None:
    rows = [
        {"question": "?", "answer": gold, "prediction": answer}
        for gold, answer in chart_rows(900, seed=1)
        if gold not in (*READ_AS_MISSING, "[]") and answer.strip()  # theirs stops at an empty list
    ]
    assert len(rows) >= 500
    path = files(tmp_path, "ChartQA_own", rows)
    score = ImageVQADataset("ChartQA_own").evaluate(str(path))
    gc.collect()  # its pool of processes, which it never closes
    found = ours(path, Relaxed())
    theirs = pandas.read_csv(tmp_path / "model_ChartQA_own_results.tsv", sep="\t")
    assert [value > 0 for value in found] == [value > 0 for value in theirs["eval_score"]]
    assert score["Overall"][0] == pytest.approx(100 * sum(found) / len(found))


def test_exception_an_empty_prediction_is_the_word_nan_in_their_files(tmp_path: Path) -> None:
    rows = [
        {"question": "?", "A": "banana", "B": "a", "C": "x", "answer": "B", "prediction": answer}
        for answer in ("x", "", "None")
    ]
    path = files(tmp_path, "own_empty", rows)
    CustomMCQDataset("own_empty").evaluate(str(path), model="exact_matching")
    theirs = pandas.read_csv(tmp_path / "model_own_empty_exact_matching_result.tsv", sep="\t")
    assert theirs["hit"].tolist() == [0, 1, 1]  # "a" is in "nan"
    item = _item(_rows(path)[1])
    assert not Choice()(item, "").parsed
