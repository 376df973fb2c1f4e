"""Every shipped benchmark, from a file in its published format to every number it reports.

The files are those of tests/benchmarks/fixtures; the answers to their questions, and the numbers
that come of them by hand, stand in tests/benchmarks/whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from sophia.benchmarks.summary import counts
from tests.benchmarks.fixtures.published import FIXTURES
from tests.benchmarks.fixtures.writing import write_tsv
from tests.benchmarks.published_sources import NAMES
from tests.benchmarks.whole import choices, questions
from tests.benchmarks.whole.case import UNCLOSED, Case, thought
from tests.benchmarks.whole.scripted import Whole, whole

CASES = {case.name: case for case in (*choices.CASES, *questions.CASES)}
LAYOUTS = [(case.name, place) for case in CASES.values() for place in case.places]

PAIRS = {
    "vl_rewardbench": {
        "overall": 100 * 2 / 5,
        "macro": (100 + 50 + 0) / 3,
        "both orders": 100 * 5 / 10,
        "same in both orders": 100 * 3 / 5,
        "group/general": 100,
        "group/hallucination": 100 * 1 / 2,
        "group/reasoning": 100 * 0 / 2,
    },
    "multimodal_rewardbench": {
        "overall": 100 * 2 / 5,
        "both orders": 100 * 5 / 10,
        "same in both orders": 100 * 3 / 5,
        "group/safety/bias": 100,
        "group/safety/toxicity": 0,
        "group/reasoning/math": 100,
        "group/reasoning/coding": 0,
        "group/vqa": 0,
    },
}
PAIR_LAYOUTS = [(name, place) for name in PAIRS for place in range(len(FIXTURES[name]))]


def near(figures: Mapping[str, float]) -> object:
    return pytest.approx(dict(figures), rel=1e-12)


def test_no_benchmark_and_no_layout_is_left_out() -> None:
    covered = {*LAYOUTS, *PAIR_LAYOUTS, ("mm_rlhf_rewardbench", 0), ("digits", 0)}
    assert covered == {(name, place) for name in FIXTURES for place in range(len(FIXTURES[name]))}
    assert {*NAMES} == {*FIXTURES, "own"}


@pytest.mark.parametrize(("name", "place"), LAYOUTS)
def test_every_figure_is_the_one_worked_out_by_hand(name: str, place: int, tmp_path: Path) -> None:
    """Twins of a file in another format give the same numbers, under the same names."""
    case: Case = CASES[name]
    FIXTURES[name][place](tmp_path)
    own = whole(name, tmp_path)
    records = own.records(case.answers)
    assert own.figures(records) == near(case.figures)
    assert counts(records).unparsed == case.unparsed


def said(own: Whole, verdicts: Sequence[str]) -> list[str]:
    """What a judge says to each question: R is right, W wrong, U names both responses."""
    other = {"1": "2", "2": "1"}
    texts = []
    for place, (gold, verdict) in enumerate(zip(own.golds, verdicts, strict=True)):
        number = gold if verdict == "R" else other[gold]
        named = thought(number) if place % 2 else f"Response {number} is better."
        texts.append("Both 1 and 2 are good." if verdict == "U" else named)
    return texts


@pytest.mark.parametrize(("name", "place"), PAIR_LAYOUTS)
def test_pairs_are_counted_once_and_in_both_orders(name: str, place: int, tmp_path: Path) -> None:
    """For ``overall`` the third and fourth pair are asked as given, the three others swapped."""
    FIXTURES[name][place](tmp_path)
    own = whole(name, tmp_path)
    records = own.records(said(own, "RR RW RR WW UW".replace(" ", "")))
    assert own.figures(records) == near(PAIRS[name])
    assert counts(records).unparsed == 1


def test_pairs_about_one_prompt_are_all_right_or_not(tmp_path: Path) -> None:
    """``overall`` asks the first two of four pairs in their second order; three share a prompt."""
    FIXTURES["mm_rlhf_rewardbench"][0](tmp_path)
    own = whole("mm_rlhf_rewardbench", tmp_path)
    assert own.figures(own.records(said(own, "RRWRRRWW"))) == near(
        {
            "overall": 100 * 3 / 4,
            "acc+": 100 * 1 / 2,
            "both orders": 100 * 5 / 8,
            "same in both orders": 100 * 3 / 4,
            "category/mcq": 100 * 3 / 3,
            "category/safety": 0,
        }
    )


def test_several_verdicts_on_a_pair_are_averaged_and_vote(tmp_path: Path) -> None:
    """Verdicts of the order for ``overall``: RRW, WUR, UUR, WWR, UUU; of the other all right."""
    FIXTURES["vl_rewardbench"][0](tmp_path)
    own = whole("vl_rewardbench", tmp_path)
    first, second, third = (
        said(own, verdicts) for verdicts in ("RRRWURWRRU", "RRRUURWRRU", "RWRRRRRRRU")
    )
    records = own.records(list(zip(first, second, third, strict=True)))
    assert own.figures(records) == near(
        {
            "overall": (100 * 1 / 5 + 100 * 1 / 5 + 100 * 3 / 5) / 3,
            "vote@3": 100 * 2 / 5,  # of W and R the earlier wins, and one R outvotes two unread
            "macro": ((100 + 0 + 0) / 3 + (100 + 0 + 0) / 3 + (0 + 100 + 50) / 3) / 3,
            "both orders": (60 + 60 + 80) / 3,
            "same in both orders": (20 + 20 + 60) / 3,
            "group/general": (100 + 100 + 0) / 3,
            "group/hallucination": (0 + 0 + 100) / 3,
            "group/reasoning": (0 + 0 + 50) / 3,
        }
    )


def test_digits(tmp_path: Path) -> None:
    """Every second question is which number is larger; golds C (14), A, B, A, C (7), A."""
    own = whole("digits", tmp_path, "benchmarks.digits.sources.0.num_rows=6")
    answers = [thought("14"), thought("left"), thought("b"), UNCLOSED, "10", "A"]
    records = own.records(answers)
    assert own.golds == ["C", "A", "B", "A", "C", "A"]
    assert own.figures(records) == near(
        {
            "overall": 100 * 3 / 6,
            "strict": 100 * 4 / 6,
            "category/sum": 100 * 1 / 3,
            "category/larger": 100 * 2 / 3,
        }
    )
    assert counts(records).unparsed == 2


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    """Golds B, A, B; every label that the file has is reported."""
    rows = [
        {"index": n, "question": "Which?", "A": "x1", "B": "y2", "answer": gold, "category": kind,
         "split": "mine"}
        for n, (gold, kind) in enumerate([("B", "near"), ("A", "far"), ("B", "far")])
    ]  # fmt: skip
    path = write_tsv(tmp_path / "mine.tsv", rows)
    own = whole("own", tmp_path, f"benchmarks.own.sources.0.file={path}")
    records = own.records([thought("y2"), "b", thought("b")])
    assert own.figures(records) == near(
        {
            "overall": 100 * 1 / 3,
            "strict": 100 * 2 / 3,
            "category/near": 100,
            "category/far": 100 * 0 / 2,
            "split/mine": 100 * 1 / 3,
        }
    )
