"""The reward with TRL's signature, called as TRL calls it; tests/trl runs it inside of TRL."""

from __future__ import annotations

import math
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from sophia.rewards.for_trl import TrustGRPOReward, response_text
from sophia.rewards.format import FormatRule
from sophia.schedules import Constant, Exponential
from tests.builders import RIGHT, WRONG

BROKEN = "<think> 2 + 2 = 4 </think> 4"
SCORES: dict[str, float | None] = {RIGHT: 0.0, WRONG: 0.8, BROKEN: 1.0}


class Judge:
    """Scores by text, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def __call__(
        self, *, prompts: Sequence[Any], responses: Sequence[str], **columns: Sequence[Any]
    ) -> list[float | None]:
        self.asked += zip(responses, columns["answer"], strict=True)
        return [SCORES[response] for response in responses]


def call(texts: Sequence[Any], *, step: int = 0, group: int = 2, **overrides: Any) -> Any:
    values = {"judge": Judge(), "annealing": Constant(value=0.3), "num_generations": group}
    reward = TrustGRPOReward(**{**values, **overrides})
    prompts = [f"What is 2 + 2? ({place // group})" for place in range(len(texts))]
    return reward(
        prompts=prompts, completions=texts, answer=["4"] * len(texts),
        trainer_state=SimpleNamespace(global_step=step), completion_ids=[[1]] * len(texts),
    )  # fmt: skip


def test_groups_are_neighbours() -> None:
    # gamma of the first group is exp(0.0 - 0.8); the second has no wrong answer
    distrusted = math.exp(-0.8) * 0.3 * 0.8
    assert call([RIGHT, WRONG, RIGHT, RIGHT]) == pytest.approx([1.0, distrusted, 1.0, 1.0])


def test_a_chat_is_read_as_its_text() -> None:
    chat = [{"role": "assistant", "content": RIGHT}]
    parts = [{"role": "assistant", "content": [{"type": "text", "text": WRONG}]}]
    assert [response_text(c) for c in (RIGHT, chat, parts)] == [RIGHT, RIGHT, WRONG]
    assert call([chat, parts]) == call([RIGHT, WRONG])


def test_the_step_is_the_trainers() -> None:
    fading = Exponential(start=0.3, decay_steps=10)
    plain = call([RIGHT, WRONG], step=10, annealing=fading, trust=False)
    assert plain == pytest.approx([1.0, 0.3 / math.e * 0.8])


def test_the_judge_sees_what_the_rule_asks_about_with_its_columns() -> None:
    judge = Judge()
    rewards = call([RIGHT, BROKEN, WRONG, RIGHT], judge=judge, format=FormatRule())
    assert judge.asked == [(RIGHT, "4"), (WRONG, "4"), (RIGHT, "4")]
    assert rewards[1] == 0.0


def test_without_an_outcome_it_is_none() -> None:
    reward = TrustGRPOReward(judge=Judge(), annealing=Constant(value=0.3), num_generations=2)
    rewards = reward(
        prompts=["a", "a"], completions=[RIGHT, WRONG], answer=["", ""],
        trainer_state=SimpleNamespace(global_step=0),
    )  # fmt: skip
    assert rewards == [None, None]


def test_a_table_with_options_of_other_rows() -> None:
    reward = TrustGRPOReward(
        judge=lambda *, prompts, responses, **columns: [0.5] * len(responses),
        annealing=Constant(value=0.0), num_generations=2, answer_column="solution",
    )  # fmt: skip
    logged: dict[str, float] = {}
    rewards = reward(
        prompts=["q", "q"], completions=["<answer>dog</answer>", "<answer>C</answer>"],
        solution=["B", "B"], problem_type=["multiple choice"] * 2,
        options=[{"A": "cat", "B": "dog", "C": None}] * 2,
        trainer_state=SimpleNamespace(global_step=0), log_metric=logged.__setitem__,
    )  # fmt: skip
    assert rewards == [1.0, 0.0]
    assert logged == {
        "trust/gamma": 1.0, "thinking/weight": 0.0, "thinking/frac_groups_counted": 1.0,
    }  # fmt: skip


def test_mistakes_are_named() -> None:
    with pytest.raises(ValueError, match="3 completions are not whole groups of 2"):
        call([RIGHT, WRONG, RIGHT])
    reward = TrustGRPOReward(judge=Judge(), annealing=Constant(value=0.3), num_generations=4)
    with pytest.raises(ValueError, match="not whole groups of 4 of the same prompt"):
        reward(
            prompts=["a", "a", "b", "b"], completions=[RIGHT] * 4, answer=["4"] * 4,
            trainer_state=SimpleNamespace(global_step=0),
        )  # fmt: skip
    with pytest.raises(ValueError, match=r"no column 'solution' .* it has \['answer'"):
        call([RIGHT, WRONG], answer_column="solution")
    with pytest.raises(ValueError, match="asked about 2 responses and gave 1 scores"):
        call([RIGHT, WRONG], judge=lambda *, prompts, responses, **columns: [0.5])
