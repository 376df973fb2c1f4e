"""Rewards from plain numbers are those of a run, for every kind of group."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import pytest

from sophia.rewards.checkers.verdict import Verdict
from sophia.rewards.composer import RewardComposer
from sophia.rewards.format import FormatRule
from sophia.rewards.group import GroupRewards, trust_grpo_rewards
from sophia.rewards.thinking import JudgeAll, JudgeMixedGroups, ReleaseRule, ThinkingRule
from sophia.schedules import Constant
from sophia.types import Completion, Prompt
from tests.builders import TableJudge, rollout

NUMBERS = [0.0, 0.1, 0.3, 0.5, 0.7, 1.0, 1.0, None]


def test_by_hand() -> None:
    # gamma = exp(0.0 - 0.8) = 0.4493; wrong: 0.4493 * 0.3 * 0.8 = 0.1078
    group = trust_grpo_rewards([1.0, 0.0], [0.0, 0.8], weight=0.3)
    assert group.trust == pytest.approx(math.exp(-0.8))
    assert group.totals == pytest.approx((1.0, 0.107839), abs=1e-5)
    assert group.thinking_counted


def test_failure_is_not_zero() -> None:
    dropped = trust_grpo_rewards([1.0, 0.0], [0.9, None], weight=0.3)
    assert dropped == GroupRewards(totals=(1.0, 0.0), trust=1.0, thinking_counted=False)
    unscored = trust_grpo_rewards([1.0, None, 0.0], [0.5, 0.5, 0.0], weight=0.3)
    assert unscored.totals == (1.15, None, 0.0)


def test_behind_the_gate_all_is_zero() -> None:
    group = trust_grpo_rewards(
        [1.0, 1.0, 0.0], [0.5, None, 0.0], weight=0.3, well_formed=[True, False, True]
    )
    assert group.totals == (1.15, 0.0, 0.0)
    assert group.thinking_counted


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1.0], [0.5, 0.5]), "one outcome, one thinking score .* got 1, 2 and 1"),
        (([1.0, 0.0], [0.5, 4.0]), r"thinking\[1\] is 4.0; it must be in \[0, 1\]"),
        (([math.nan, 0.0], [0.5, 0.4]), r"outcomes\[0\] is nan"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        trust_grpo_rewards(*arguments, weight=0.3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A random group: texts that name their completions, and what is known of each."""

    outcomes: dict[str, float | None]
    scores: dict[str, float | None]
    texts: tuple[str, ...]

    @property
    def well_formed(self) -> list[bool]:
        return [FormatRule()(text) for text in self.texts]


def random_group(draw: random.Random) -> Group:
    numbers = NUMBERS if draw.random() < 0.5 else NUMBERS[:-1]
    good = "<think> {} </think><answer> 4 </answer>"
    texts = tuple(
        (good if draw.random() < 0.8 else "{}").format(i) for i in range(draw.randint(2, 8))
    )
    return Group(
        outcomes={text: draw.choice(numbers) for text in texts},
        scores={text: draw.choice(numbers) for text in texts},
        texts=texts,
    )


class TableOutcome:
    """Outcomes by text, None among them, which no rule gives to one completion of a group alone."""

    def __init__(self, outcomes: dict[str, float | None]) -> None:
        self._outcomes = outcomes

    def verdict(self, prompt: Prompt, completion: Completion) -> Verdict:
        return Verdict(score=self._outcomes[completion.text])


@contextmanager
def composer(
    group: Group, *, rule: ThinkingRule, trust: bool, mode: Literal["gate", "weight"]
) -> Iterator[RewardComposer]:
    made = RewardComposer(
        annealing=Constant(value=0.3), judge=TableJudge(group.scores),
        outcome=TableOutcome(group.outcomes),  # type: ignore[arg-type]
        format=FormatRule(), format_mode=mode, format_weight=0.0,
        thinking=rule, trust=trust, extra={},
    )  # fmt: skip
    yield made
    made.close()


@pytest.mark.parametrize(
    "rule", [JudgeAll(), JudgeMixedGroups(), ReleaseRule()], ids=["all", "mixed", "release"]
)
@pytest.mark.parametrize("trust", [True, False])
@pytest.mark.parametrize("mode", ["gate", "weight"])
def test_equal_to_a_runs_rewards(
    rule: ThinkingRule, trust: bool, mode: Literal["gate", "weight"]
) -> None:
    draw, counted = random.Random(0), 0
    for _ in range(100):
        group = random_group(draw)
        with composer(group, rule=rule, trust=trust, mode=mode) as made:
            step = made.open_step(0)
            step.submit(0, rollout(list(group.texts)))
            scored = step.collect()[0]
        plain = trust_grpo_rewards(
            list(group.outcomes.values()), list(group.scores.values()), weight=0.3,
            well_formed=group.well_formed if mode == "gate" else None, rule=rule, trust=trust,
        )  # fmt: skip
        assert plain.totals == tuple(reward.total for reward in scored.rewards)
        assert (plain.trust, plain.thinking_counted) == (scored.trust, scored.thinking_counted)
        counted += plain.thinking_counted and plain.trust < 1.0
    assert counted > 0 or not trust
