"""Figures of benchmarks against hand arithmetic."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from sophia.benchmarks.figures.accuracy import Accuracy, AllRight, ByLabel, Circular
from sophia.benchmarks.figures.average import Average, Macro
from sophia.benchmarks.figures.figure import Sum
from sophia.benchmarks.figures.intervals import estimates
from sophia.benchmarks.figures.mme import MME
from sophia.benchmarks.figures.pairs import SameVerdict
from sophia.evaluation.records import EvalRecord


def record(
    index: str, right: float, *, unit: str = "", extracted: str | None = "A", **labels: str
) -> EvalRecord:
    return EvalRecord(
        uid=f"bench/{index}", problem_type="bench", units=(unit or index,), question="Q?",
        problem="Q?", answer="A", text="A", well_formed=True, outcome=right, thinking=None,
        labels=labels, extracted=extracted,
    )  # fmt: skip


def official(record: EvalRecord) -> float:
    assert record.outcome is not None
    return record.outcome


def values(figures: Mapping[str, Sum]) -> dict[str, float]:
    return {name: figure.value for name, figure in figures.items()}


ROWS = [
    record("1", 1.0, category="x", split="dev"),
    record("2", 0.0, category="x", split="validation"),
    record("3", 1.0, category="x", split="validation"),
    record("4", 1.0, category="y", split="validation"),
]


def test_micro_and_by_category() -> None:
    assert values(Accuracy()(ROWS, official)) == {"": 75.0}
    among = Accuracy(among={"split": "validation"})(ROWS, official)
    assert among[""].value == pytest.approx(200 / 3)
    assert among[""].count == 3
    by = ByLabel(label="category")(ROWS, official)
    assert values(by) == pytest.approx({"x": 200 / 3, "y": 100.0})


def test_a_number_over_no_row_is_absent() -> None:
    assert Accuracy(among={"split": "test"})(ROWS, official) == {}
    assert Macro(label="category", values=["x", "z"])(ROWS, official) == {}
    assert Average(of=[Accuracy(), Accuracy(among={"split": "test"})])(ROWS, official) == {}


def test_macro_counts_small_categories_as_much_as_large_ones() -> None:
    assert values(Macro(label="category")(ROWS, official)) == pytest.approx({"": 250 / 3})


def test_cv_bench_is_the_mean_of_its_halves() -> None:
    rows = [
        *(record(f"a{i}", float(i < 1), source="ADE20K") for i in range(2)),
        *(record(f"c{i}", float(i < 3), source="COCO") for i in range(4)),
        *(record(f"o{i}", float(i < 1), source="Omni3D") for i in range(4)),
    ]
    two = Macro(label="source", values=["ADE20K", "COCO"])
    three = Accuracy(among={"source": "Omni3D"})
    assert values(two(rows, official)) == {"": 62.5}  # (50 + 75) / 2
    assert values(Average(of=[two, three])(rows, official)) == {"": 43.75}
    assert values(Accuracy()(rows, official)) == {"": 50.0}  # micro, a third definition


def test_circular_needs_every_order_right() -> None:
    rows = [
        record("7", 1.0, category="x"), record("1000007", 1.0, category="x"),
        record("8", 1.0, category="x"), record("1000008", 0.0, category="x"),
        record("9", 1.0, category="y"),
    ]  # fmt: skip
    found = Circular(by="category")(rows, official)
    assert values(found) == pytest.approx({"": 200 / 3, "x": 50.0, "y": 100.0})
    assert found[""].count == 3


def test_all_right_groups_by_labels() -> None:
    rows = [record("1", 1.0, id="a"), record("2", 1.0, id="a"), record("3", 0.0, id="b")]
    assert values(AllRight(group=["id"])(rows, official)) == {"": 50.0}


def test_mme_adds_accuracy_and_pairs_of_questions() -> None:
    rows = [
        record("1", 1.0, unit="i1", category="OCR"), record("2", 1.0, unit="i1", category="OCR"),
        record("3", 1.0, unit="i2", category="OCR"), record("4", 0.0, unit="i2", category="OCR"),
        record("5", 1.0, unit="i3", category="code_reasoning"),
        record("6", 0.0, unit="i3", category="code_reasoning"),
    ]  # fmt: skip
    assert values(MME()(rows, official)) == {
        "": 175.0, "perception": 125.0, "reasoning": 50.0, "OCR": 125.0, "code_reasoning": 50.0,
    }  # fmt: skip


def test_an_image_with_one_question_has_no_pair() -> None:
    assert values(MME()([record("1", 1.0, category="OCR")], official))["OCR"] == 100.0


def test_two_files_of_the_same_image_are_two_images() -> None:
    rows = [
        record(f"{path}{n}", float(path == "a"), unit="hash", category="OCR", image=path)
        for path in "ab" for n in (1, 2)
    ]  # fmt: skip
    assert values(MME()(rows, official))["OCR"] == 100 * 2 / 4 + 100 * 1 / 2


def test_the_same_answer_must_be_preferred_in_both_orders() -> None:
    rows = [
        record("1", 1.0, pair="1"), record("1/swapped", 1.0, pair="1"),
        record("2", 0.0, pair="2"), record("2/swapped", 0.0, pair="2"),
        record("3", 1.0, pair="3"), record("3/swapped", 0.0, pair="3"),  # always says "1"
        record("4", 0.0, pair="4", extracted=None), record("4/swapped", 0.0, pair="4"),
    ]  # fmt: skip
    assert values(SameVerdict()(rows, official)) == {"": 50.0}


def test_intervals_are_of_units_and_differences_are_paired() -> None:
    rows = [record(str(i), float(i % 2), unit=str(i // 10)) for i in range(100)]
    alike = Accuracy()(rows, official)[""]
    assert estimates({"a": alike})["a"].low == estimates({"a": alike})["a"].high == 50.0
    own = Accuracy()([record(str(i), float(i % 2)) for i in range(100)], official)[""]
    found = estimates({"own": own, "none": own - own, "half": own.scaled(0.5)})
    assert 39 < found["own"].low < 41.5
    assert 58.5 < found["own"].high < 61
    assert (found["none"].low, found["none"].value, found["none"].high) == (0.0, 0.0, 0.0)
    assert found["half"].value == 25.0
