"""One step of two groups through composer, judge and advantages."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass

import torch

from sophia.grpo.estimators.group import GroupAdvantages
from sophia.grpo.estimators.scores import collate_scores
from sophia.metrics import values
from sophia.rewards.composer import RewardComposer
from sophia.rewards.format import FormatRule
from sophia.rewards.judge.http import HTTPJudge
from sophia.rewards.outcome import OutcomeReward
from sophia.rewards.thinking import JudgeAll
from sophia.schedules import Constant
from sophia.types import EncodedPrompt, Rollout
from tests.rewards.judge_builders import prompt, response


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What a step brought."""

    sick: torch.Tensor  # (4,) advantages
    healthy: torch.Tensor  # (4,)
    metrics: Mapping[str, float]
    wall_s: float


def group(name: str) -> Rollout:
    thoughts = (("4", 0.9), ("4", 0.5), ("5", 0.2), ("5", 0.2))
    encoded = EncodedPrompt(
        prompt_ids=torch.zeros(1, dtype=torch.long),
        mm_token_type_ids=torch.zeros(1, dtype=torch.long),
        pixel_values=None,
        image_grid_thw=None,
    )
    completions = tuple(
        response(f"{name} {index}, quality={quality}", answer)
        for index, (answer, quality) in enumerate(thoughts)
    )
    return Rollout(prompt=prompt(uid=name), encoded=encoded, completions=completions)


@contextmanager
def composed(judge: HTTPJudge) -> Iterator[RewardComposer]:
    composer = RewardComposer(
        annealing=Constant(value=0.3), judge=judge, outcome=OutcomeReward(), format=FormatRule(),
        format_mode="gate", format_weight=0.0, thinking=JudgeAll(), trust=True, extra={},
    )  # fmt: skip
    with closing(judge), closing(composer):
        yield composer


def step(composer: RewardComposer) -> Step:
    start = time.monotonic()
    scores = composer.open_step(0)
    for place, name in enumerate(("sick", "healthy")):
        scores.submit(place, group(name))
    groups = scores.collect()
    wall_s = time.monotonic() - start
    advantages = GroupAdvantages(epsilon=0.0)(collate_scores(groups), everywhere=lambda mine: mine)
    return Step(
        sick=advantages[:4], healthy=advantages[4:], metrics=values(scores.metrics()), wall_s=wall_s
    )
