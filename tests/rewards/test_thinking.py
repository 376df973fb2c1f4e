"""Which completions are judged, when their scores count, and with what trust."""

import math

import pytest

from sophia.rewards.thinking import JudgeAll, JudgeMixedGroups, ReleaseRule

RIGHT_AND_WRONG = (1.0, 0.0)
BOTH = (True, True)


def test_paper_judges_wrong_answers_too() -> None:
    assert JudgeAll().to_judge(RIGHT_AND_WRONG, BOTH) == (True, True)


def test_what_fails_the_format_or_has_no_outcome_is_not_judged() -> None:
    assert JudgeAll().to_judge((1.0, 0.0, None), (True, False, True)) == (True, False, False)


def test_format_failures_take_no_side() -> None:
    # The third is not judged: right 0.2 against wrong 0.8 decides alone.
    term = JudgeAll().term((1.0, 0.0, 0.0), (True, True, False), (0.2, 0.8, None))
    assert term.trust == pytest.approx(math.exp(-0.6))
    assert term.counted


def test_one_missing_score_drops_the_term_for_the_group() -> None:
    term = JudgeAll().term(RIGHT_AND_WRONG, BOTH, (0.2, None))
    assert not term.counted
    assert term.trust == 1.0


def test_gate_asks_nothing_where_all_are_right_or_all_wrong() -> None:
    rule = JudgeMixedGroups()
    assert rule.to_judge((1.0, 1.0), BOTH) == (False, False)
    assert rule.to_judge((0.0, 0.0), BOTH) == (False, False)
    assert rule.to_judge(RIGHT_AND_WRONG, BOTH) == (True, True)
    assert not rule.term((1.0, 1.0), (False, False), (None, None)).counted


def test_gate_does_not_take_a_format_failure_for_a_wrong_answer() -> None:
    assert JudgeMixedGroups().to_judge((1.0, 0.0), (True, False)) == (False, False)


def test_release_never_distrusts_zero_one_outcomes() -> None:
    # Wrong answers are not judged and count as thinking 0, so mu_wrong is 0.
    rule = ReleaseRule()
    assert rule.to_judge((1.0, 0.0), BOTH) == (True, False)
    term = rule.term((1.0, 0.0), (True, False), (0.1, None))
    assert term.values == (0.1, 0.0)
    assert term.trust == 1.0


def test_release_distrusts_graded_outcomes() -> None:
    # 0.3 is judged and wrong: exp(0.2 - 0.9)
    term = ReleaseRule().term((0.8, 0.3), BOTH, (0.2, 0.9))
    assert term.trust == pytest.approx(math.exp(-0.7))


@pytest.mark.parametrize("outcomes", [(1.0, 0.9), (0.0, 0.1)])
def test_release_skips_settled_groups(outcomes: tuple[float, float]) -> None:
    rule = ReleaseRule()
    assert rule.to_judge(outcomes, BOTH) == (False, False)
    assert not rule.term(outcomes, (False, False), (None, None)).counted
