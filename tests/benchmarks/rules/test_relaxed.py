"""ChartQA's relaxed accuracy."""

from __future__ import annotations

import pytest

from sophia.benchmarks.item import UNPARSED
from sophia.benchmarks.rules.relaxed import Relaxed
from tests.benchmarks.rules.builders import item


@pytest.mark.parametrize(
    ("gold", "answer", "right"),
    [
        ("100", "105", True), ("100", "95", True), ("100", "105.1", False), ("100", "94.9", False),
        ("0", "0.0", False), ("0", "0", True), ("0", "0%", False), ("0%", "0%", True),
        ("12", "12%", False), ("0.12", "12%", True), ("12%", "0.12", True), ("12%", "12 %", True),
        ("12%", "12%%", True), ("1000", "1,000", False), ("1,000", "1,000", True),
        ("5", "$5", False), ("-20", "-19", True), ("20", "-20", False), ("2e3", "2000", True),
        ("2008", "1908", True), ("5", "５", True), ("1_000", "1000", True), ("5", "%", False),
        ("Red", "red", True), ("Red", " red\n", True), ("Red", "red.", False), ("É", "é", True),
        ("nan", "nan", False), ("inf", "inf", False), ("5", "inf", False), ("5", "nan", False),
        ("[2010, 2011]", "2011", True), ("[2010, 2011]", "2010, 2011", False), ("[]", "[]", False),
        ("[Yes, No]", "[yes, no]", True), ("5", "about 5", False),
    ],
)  # fmt: skip
def test_relaxed_accuracy(gold: str, answer: str, right: bool) -> None:
    assert Relaxed()(item(gold), answer).score == float(right)


def test_an_empty_answer_is_unparsed_and_all_else_is_what_it_is() -> None:
    assert Relaxed()(item("5"), " \n") == UNPARSED
    assert Relaxed()(item("5"), " about 5 ").extracted == "about 5"


def test_the_tolerance_is_a_setting() -> None:
    assert Relaxed(tolerance=0.0)(item("100"), "100.0").score == 1.0
    assert Relaxed(tolerance=0.0)(item("100"), "101").score == 0.0
