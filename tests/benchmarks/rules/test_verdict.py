"""Which of two answers a judge prefers."""

from __future__ import annotations

import pytest

from sophia.benchmarks.item import UNPARSED, Graded
from sophia.benchmarks.rules.verdict import AnswerNamed, StrictVerdict
from tests.benchmarks.rules.builders import item


@pytest.mark.parametrize(
    ("answer", "official", "strict"),
    [
        ("1", None, "1"), ("2", None, "2"), ("Answer 2", "2", "2"), ("**Answer 2**.", "2", "2"),
        ("The better answer is answer 2", "2", "2"), ("[[2]]", None, "2"),
        ("Overall Judgment: Answer 1 is better.", "1", "1"),
        ("Answer 2 is better than Answer 1", "1", None), ("not answer 1", "1", None),
        ("The second one is better.", None, "2"), ("Response 1", None, "1"),
        ("Answer 12", "1", None), ("first and second", None, None), ("tie", None, None),
        ("neither", None, None), ("", None, None), ("Answer 2 since it counts 2 cats", "2", None),
        (2000 * "2 ", None, None),
    ],
)  # fmt: skip
def test_a_verdict_by_the_official_rule_and_by_ours(
    answer: str, official: str | None, strict: str | None
) -> None:
    for rule, place in ((AnswerNamed(), official), (StrictVerdict(), strict)):
        expected = Graded(score=1.0, extracted=place) if place else UNPARSED
        assert rule(item(place or "1"), answer) == expected
        assert rule(item("2" if place == "1" else "1"), answer).score == 0.0
