"""The reward of a completion, part by part, and what is logged of it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sophia.metrics import values
from sophia.rewards.composer import RewardComposer
from sophia.rewards.custom import CustomReward
from sophia.rewards.format import FormatRule
from sophia.rewards.metrics import reward_metrics
from sophia.rewards.outcome import OutcomeReward
from sophia.rewards.terms.named import RewardFailed
from sophia.rewards.thinking import JudgeAll, JudgeMixedGroups
from sophia.schedules import Constant, Exponential
from sophia.types import ScoredGroup
from tests.builders import RIGHT, WRONG, TableJudge, prompt, rollout

BROKEN = "<think> 2 + 2 = 4 </think> 5"


@contextmanager
def composer(scores: dict[str, float | None], **overrides: Any) -> Iterator[RewardComposer]:
    values: dict[str, Any] = {
        "annealing": Constant(value=0.3),
        "judge": TableJudge(scores),
        "outcome": OutcomeReward(),
        "format": FormatRule(),
        "format_mode": "gate",
        "format_weight": 0.1,
        "thinking": JudgeAll(),
        "trust": True,
        "extra": {},
    }
    made = RewardComposer(**{**values, **overrides})
    yield made
    made.close()


def scored(
    texts: list[str], scores: dict[str, float | None], *, step: int = 0, **overrides: Any
) -> ScoredGroup:
    with composer(scores, **overrides) as made:
        open_step = made.open_step(step)
        open_step.submit(0, rollout(texts))
        return open_step.collect()[0]


def test_trusted_thinking_adds_alpha_times_score() -> None:
    group = scored([RIGHT, WRONG], {RIGHT: 1.0, WRONG: 0.5})
    assert [r.total for r in group.rewards] == pytest.approx([1.3, 0.15])
    assert group.trust == 1.0


def test_distrusted_thinking_is_weighed_by_gamma() -> None:
    # gamma = exp(0.0 - 0.8) = 0.4493 (figure 9); wrong: 0.4493 * 0.3 * 0.8 = 0.1078
    group = scored([RIGHT, WRONG], {RIGHT: 0.0, WRONG: 0.8})
    assert group.trust == pytest.approx(math.exp(-0.8))
    assert [r.total for r in group.rewards] == pytest.approx([1.0, 0.107839], abs=1e-5)


def test_without_trust_gamma_is_one() -> None:
    group = scored([RIGHT, WRONG], {RIGHT: 0.0, WRONG: 0.8}, trust=False)
    assert [r.total for r in group.rewards] == pytest.approx([1.0, 0.24])


def test_annealing_follows_the_step() -> None:
    fading = Exponential(start=0.3, decay_steps=10)
    group = scored([RIGHT, WRONG], {RIGHT: 1.0, WRONG: 0.0}, step=10, annealing=fading)
    assert group.rewards[0].total == pytest.approx(1 + 0.3 / math.e)


def test_gate_makes_a_malformed_completion_worth_nothing_and_unjudged() -> None:
    judge = TableJudge({RIGHT: 1.0})
    group = scored([RIGHT, BROKEN], {}, judge=judge)
    assert group.rewards[1].total == 0.0
    assert group.rewards[1].gated
    assert judge.asked == [RIGHT]


def test_format_as_a_part_is_weighed_and_judged() -> None:
    group = scored([RIGHT, BROKEN], {RIGHT: 1.0, BROKEN: 1.0}, format_mode="weight")
    assert [r.total for r in group.rewards] == pytest.approx([1 + 0.1 + 0.3, 0.3])


def test_unscored_thinking_leaves_the_whole_group_to_its_outcome() -> None:
    group = scored([RIGHT, WRONG], {RIGHT: 1.0, WRONG: None})
    assert [r.total for r in group.rewards] == [1.0, 0.0]
    assert not group.thinking_counted


def test_gated_thinking_counts_only_in_mixed_groups() -> None:
    judge = TableJudge({RIGHT: 0.5, WRONG: 0.4})
    alike = scored([RIGHT, RIGHT], {}, judge=judge, thinking=JudgeMixedGroups())
    assert [r.total for r in alike.rewards] == [1.0, 1.0]
    assert judge.asked == []
    mixed = scored([RIGHT, WRONG], {}, judge=judge, thinking=JudgeMixedGroups())
    assert [r.total for r in mixed.rewards] == pytest.approx([1.15, 0.12])


def test_without_a_thinking_rule_the_judge_is_not_asked() -> None:
    judge = TableJudge({})
    group = scored([RIGHT, WRONG], {}, judge=judge, thinking=None)
    assert [r.total for r in group.rewards] == [1.0, 0.0]
    assert judge.asked == []


def test_users_own_reward_from_a_file(tmp_path: Path) -> None:
    source = tmp_path / "mine.py"
    source.write_text("def brevity(prompt, completion):\n    return -len(completion.token_ids)\n")
    extra = {"brevity": CustomReward(f"{source}:brevity", weight=0.01)}
    group = scored([RIGHT, WRONG], {RIGHT: 0.0, WRONG: 0.0}, extra=extra)
    assert [r.total for r in group.rewards] == pytest.approx([0.97, -0.03])
    assert group.rewards[0].value("brevity") == -3


def test_users_reward_that_abstains_once_is_dropped_for_the_group(tmp_path: Path) -> None:
    source = tmp_path / "mine.py"
    source.write_text(
        "def odd(prompt, completion):\n    return 1.0 if '5' in completion.text else None\n"
    )
    extra = {"odd": CustomReward(f"{source}:odd", weight=1.0)}
    group = scored([RIGHT, WRONG], {RIGHT: 0.0, WRONG: 0.0}, extra=extra)
    assert [r.total for r in group.rewards] == [1.0, 0.0]


def test_unknown_reward_functions_are_named(tmp_path: Path) -> None:
    source = tmp_path / "mine.py"
    source.write_text("def brevity(prompt, completion):\n    return 0.0\n")
    with pytest.raises(ValueError, match=r"has no function 'brevty'; it has \['brevity'\]"):
        CustomReward(f"{source}:brevty", weight=1.0)
    with pytest.raises(ValueError, match="does not exist"):
        CustomReward(f"{tmp_path}/none.py:brevity", weight=1.0)


def test_a_failing_reward_function_is_not_swallowed(tmp_path: Path) -> None:
    source = tmp_path / "mine.py"
    source.write_text("def broken(prompt, completion):\n    return 1 / 0\n")
    extra = {"mine": CustomReward(f"{source}:broken", weight=1.0)}
    with pytest.raises(RewardFailed) as failed:
        scored([RIGHT, WRONG], {RIGHT: 0.0, WRONG: 0.0}, extra=extra)
    assert str(failed.value) == (
        f"the reward 'mine' ({source}:broken) failed on the prompt 'p0':"
        " ZeroDivisionError: division by zero (mine.py, line 2)."
    )
    assert isinstance(failed.value.__cause__, ZeroDivisionError)


def test_what_is_logged_is_what_was_applied() -> None:
    group = scored([RIGHT, WRONG], {RIGHT: 0.0, WRONG: 0.8})
    metrics = values(reward_metrics([group]))
    for reward in group.rewards:
        applied_sum = sum(part.weight * (part.value or 0.0) for part in reward.parts)
        assert applied_sum == pytest.approx(reward.total, rel=1e-14)
    applied = group.rewards[1].parts[2]
    assert applied.name == "thinking"
    assert metrics["trust/gamma"] == applied.weight / 0.3
    assert metrics["reward"] == sum(r.total or 0.0 for r in group.rewards) / 2
    assert metrics["accuracy"] == 0.5
    assert metrics["group/mixed"] == 1.0
    assert metrics["thinking/correct_mean"] == 0.0
    assert metrics["thinking/wrong_mean"] == 0.8


def test_counts_of_a_step_are_its_own() -> None:
    outcome = OutcomeReward()
    outcome(prompt(), rollout().completions[0])  # an evaluation, say
    with composer({RIGHT: 1.0, WRONG: 1.0}, outcome=outcome) as made:
        step, other = made.open_step(0), made.open_step(1)
        step.submit(0, rollout())
        other.submit(0, rollout([RIGHT, BROKEN, "no format"]))
        step.collect()
        other.collect()
        for _ in range(2):  # reading changes nothing
            assert values(step.metrics())["outcome/graded"] == 2
            assert values(other.metrics())["outcome/graded"] == 1  # the rest is behind the gate


def test_groups_come_back_in_the_order_of_their_places() -> None:
    with composer({RIGHT: 1.0, WRONG: 1.0}) as made:
        step = made.open_step(0)
        rollouts = [rollout([RIGHT, WRONG], prompt=prompt(uid=f"p{i}")) for i in range(40)]
        for place in [*range(20, 40), *reversed(range(20))]:
            step.submit(place, rollouts[place])
        assert [g.rollout for g in step.collect()] == rollouts
        assert values(step.metrics())["thinking/weight"] == 0.3
