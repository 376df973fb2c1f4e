"""Every case of the truth table, by our rules and by the release's, and the document made of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sophia.rewards.format import FormatRule
from sophia.rewards.outcome import OutcomeReward
from tests.rewards.builders import completion, prompt
from tests.rewards.truth_table import DOCUMENT, TABLES, TruthCase, rendered, truth_cases

_CASES = [
    pytest.param(case, id=f"{table}-{number}")
    for table in TABLES
    for number, case in enumerate(truth_cases(table))
]


@pytest.fixture(scope="module")
def ours() -> Iterator[OutcomeReward]:
    reward = OutcomeReward(timeout_s=20.0, num_workers=1)
    yield reward
    reward.close()


@pytest.fixture(scope="module")
def release() -> Iterator[OutcomeReward]:
    reward = OutcomeReward(profile="release", timeout_s=20.0, num_workers=1)
    yield reward
    reward.close()


def _score(reward: OutcomeReward, case: TruthCase) -> float | None:
    row = prompt(
        answer=case.gold,
        problem_type=case.problem_type,
        options=case.options,
        tolerance=case.tolerance,
    )
    score = reward(row, completion(case.response))
    return None if score is None else round(score, 4)


@pytest.mark.parametrize("case", _CASES)
def test_scores(case: TruthCase, ours: OutcomeReward, release: OutcomeReward) -> None:
    assert _score(ours, case) == case.score
    assert _score(release, case) == case.release


@pytest.mark.parametrize("case", [c for c in truth_cases("extraction") if c.strict is not None])
def test_strict_format(case: TruthCase) -> None:
    assert FormatRule()(case.response) == case.strict


def test_document_is_up_to_date() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert rendered(text) == text, "run: python -m tests.rewards.truth_table"
