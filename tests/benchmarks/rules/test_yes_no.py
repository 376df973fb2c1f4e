"""The rule of yes and no."""

from __future__ import annotations

import pytest

from sophia.benchmarks.item import UNPARSED, Graded
from sophia.benchmarks.rules.yes_no import YesNo
from tests.benchmarks.rules.builders import item


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("Yes", "Yes"), ("no", "No"), ("NO.", "No"), ("Yes, it is", "Yes"), ("yes!", "Yes"),
        ("The answer is yes", "Yes"), ("It is\nno", "No"), ("yes-man", "Yes"), ("yes/no", None),
        ("I know", None), ("nothing", None), ("yes or no", None), ("", None), ("Yeah", None),
        ("**Yes**", None), ("yes: a cat", None), ("'yes'", None), ("$no$", None),
        ('"yes"', "Yes"), ("(No)", "No"), ("Yes.No", None), ("Yes.Sure", None),
        ("yes,it is", "Yes"), ("yes,it is so, see", None),  # ", " glues "yes" to "it"
        ("yes/1,000", None),  # and so does 1,000
        ("3.5 yes.", "Yes"), ("ｙｅｓ", None), ("是", None),
    ],
)  # fmt: skip
def test_exactly_one_of_the_words_stands_in_the_answer(answer: str, said: str | None) -> None:
    other = "No" if said == "Yes" else "Yes"
    assert YesNo()(item(other), answer) == Graded(score=0.0, extracted=said)
    if said:
        assert YesNo()(item(said), answer) == Graded(score=1.0, extracted=said)
        assert YesNo()(item(f" {said.lower()}"), answer).score == 1.0


def test_only_the_first_thirty_two_full_stops_go() -> None:
    assert YesNo()(item("No"), 31 * ". " + "no.").score == 1.0
    assert YesNo()(item("No"), 32 * ". " + "no.") == UNPARSED
