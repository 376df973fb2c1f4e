"""Figures of several answers to a question, by both rules, and what could not be read."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sophia.benchmarks.results import Column, Result
from sophia.benchmarks.summary import NO_VERDICT, Counts, counts, summarise, vote
from sophia.evaluation.records import EvalRecord
from tests.benchmarks.listed import LastDigit, sums

RECORD = EvalRecord(
    uid="sums/1", problem_type="sums", units=("1",), question="Q", problem="Q", answer="2",
    text="2", well_formed=True, outcome=1.0, thinking=None, labels={"category": "odd"},
    extracted="2",
)  # fmt: skip


def test_strict_stands_apart_under_its_own_name() -> None:
    records = [
        replace(RECORD, uid="sums/1", strict_outcome=0.0),
        replace(RECORD, uid="sums/2", strict_outcome=1.0),
    ]
    found = summarise(sums(strict=LastDigit()), records)
    assert list(found) == ["overall", "strict", "category/odd"]
    assert (found["overall"].value, found["strict"].value) == (100.0, 50.0)


def test_several_answers_are_averaged_and_vote() -> None:
    answers = [("2", 1.0), ("2", 1.0), ("7", 0.0)]
    records = [
        replace(RECORD, sample=sample, extracted=extracted, outcome=outcome)
        for sample, (extracted, outcome) in enumerate(answers)
    ]
    records += [
        replace(RECORD, uid="sums/2", units=("2",), sample=sample, extracted=None, outcome=0.0)
        for sample in range(3)
    ]
    found = summarise(sums(), records)
    assert found["overall"].value == pytest.approx(100 / 3)
    assert found["vote@3"].value == 50.0
    assert [record.extracted for record in vote(records)] == ["2", None]


def test_a_question_that_was_not_asked_is_wrong_in_every_sample() -> None:
    records = [replace(RECORD, sample=sample) for sample in range(4)]
    records.append(
        replace(RECORD, uid="sums/2", units=("2",), outcome=0.0, extracted=None, asked=False)
    )
    found = summarise(sums(), records)
    assert found["overall"].value == 50.0
    assert found["vote@4"].value == 50.0


def test_in_a_tie_the_earlier_verdict_wins() -> None:
    tied = [replace(RECORD, sample=i, extracted=e) for i, e in enumerate(["7", "2", "2", "7"])]
    assert vote(tied)[0].extracted == "7"


def test_what_could_not_be_read_asked_or_judged_is_counted() -> None:
    records = [
        RECORD,
        replace(RECORD, outcome=0.0, extracted=None),
        replace(
            RECORD,
            outcome=0.0,
            extracted=None,
            text="",
            asked=False,
            graded_by="nobody",
            failure="broken",
        ),
        replace(RECORD, graded_by="model"),
        replace(RECORD, outcome=0.0, extracted=None, graded_by="nobody", failure=NO_VERDICT),
    ]
    assert counts(records) == Counts(answers=5, unparsed=1, failed=1, asked=2, unanswered=1)


def column(label: str, outcomes: list[float], blind: list[float] | None = None) -> Column:
    def records(values: list[float]) -> list[EvalRecord]:
        return [
            replace(RECORD, uid=f"sums/{i}", units=(str(i),), outcome=v)
            for i, v in enumerate(values)
        ]

    return Column(
        label=label, ckpt=label, benchmark=sums(), records=records(outcomes),
        blind=None if blind is None else records(blind), seconds=1.0,
    )  # fmt: skip


def test_a_change_and_the_share_of_the_image_are_paired() -> None:
    before = column("before", [1.0, 0.0] * 20)
    after = column("after", [1.0, 1.0] * 20, blind=[1.0, 0.0] * 20)
    result = Result(
        name="sums", benchmark=sums(needs_judge=True), file="sums.tsv", is_official=False,
        limited=False, judged=False, columns=[before, after],
    )  # fmt: skip
    change = result.change["overall"]
    assert change.value == 50.0
    assert 30 < change.low < 50 < change.high < 70
    assert after.by_image["overall"].value == 50.0
    assert result.title == "Sums (rule)"
    same = Result(
        name="sums", benchmark=sums(), file="", is_official=None, limited=False, judged=False,
        columns=[before, before],
    )  # fmt: skip
    assert (same.change["overall"].low, same.change["overall"].high) == (0.0, 0.0)
    policies = result.as_json()["policies"]
    assert policies[1]["figures"]["overall"]["n"] == 40
    assert policies[1]["blind"]["overall"]["value"] == 50.0


def test_a_benchmark_needs_its_overall_figure() -> None:
    with pytest.raises(ValueError, match="no figure 'overall', only none"):
        sums(figures={})
