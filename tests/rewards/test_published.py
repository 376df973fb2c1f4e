"""Cases that other projects publish in their test suites (tests/rewards/cases/published.json).

Each block names its repository, file and commit, and lists under ``differs`` every case where we
do not do as it expects, with the reason. Where we score 1 and it expects less, ``right_by`` must
say which other suite, or which mathematics, makes the answer a right one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from sophia.rewards.outcome import OutcomeReward
from tests.rewards.builders import prompt
from tests.rewards.truth_table import CASES

_BLOCKS: list[dict[str, Any]] = json.loads((CASES / "published.json").read_text(encoding="utf-8"))
_IDS = [f"{block['repository']}-{block['problem_type']}" for block in _BLOCKS]


@pytest.fixture(scope="module")
def reward() -> Iterator[OutcomeReward]:
    reward = OutcomeReward(timeout_s=2.0, num_workers=1)
    yield reward
    reward.close()


@pytest.mark.parametrize("block", _BLOCKS, ids=_IDS)
def test_block(block: dict[str, Any], reward: OutcomeReward) -> None:
    differs = {(case["prediction"], case["gold"]): case for case in block.get("differs", ())}
    found = {}
    for prediction, gold, expected in block["cases"]:
        score = reward.grade(
            prompt(
                answer=gold,
                problem_type=block["problem_type"],
                options=block.get("options"),
                tolerance=block.get("tolerance", 0.0),
            ),
            prediction,
        )
        if score != expected:
            found[prediction, gold] = score
    assert found == {key: case["ours"] for key, case in differs.items()}
    assert all(case.get("reason") or case.get("right_by") for case in differs.values())


def test_no_wrong_answer_is_accepted() -> None:
    accepted = [case for block in _BLOCKS for case in block.get("differs", ()) if case["ours"] == 1]
    assert [case for case in accepted if not case.get("right_by")] == []


def test_agreement() -> None:
    cases = sum(len(block["cases"]) for block in _BLOCKS)
    differing = sum(len(block.get("differs", ())) for block in _BLOCKS)
    assert cases >= 700
    assert 1 - differing / cases >= 0.97
