"""Small values with keyword overrides, and small fakes that stand for what is outside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

import torch

from sophia.metrics import Metric, Sum
from sophia.protocols import JudgeStep, RewardTerm, RolloutEngine
from sophia.rewards.terms.named import NamedTerm
from sophia.types import (
    Completion,
    EncodedPrompt,
    GenerationRequest,
    GradedGroup,
    Message,
    Prompt,
    Reward,
    RewardPart,
    Rollout,
    SamplingParams,
    ScoredGroup,
)

RIGHT = "<think> 2 + 2 = 4 </think><answer> 4 </answer>"
WRONG = "<think> 2 + 3 = 5 </think><answer> 5 </answer>"


def prompt(**overrides: Any) -> Prompt:
    """What is 2 + 2?"""
    message = Message(role="user", content=("What is 2 + 2?",))
    values: dict[str, Any] = {
        "uid": "p0",
        "messages": (message,),
        "answer": "4",
        "problem_type": "numerical",
    }
    return Prompt(**{**values, **overrides})


def encoded(ids: Sequence[int] = (1, 2, 3)) -> EncodedPrompt:
    """A text-only prompt."""
    tensor = torch.tensor(ids)
    return EncodedPrompt(
        prompt_ids=tensor,
        mm_token_type_ids=torch.zeros_like(tensor),
        pixel_values=None,
        image_grid_thw=None,
    )


def completion(text: str = RIGHT, *, num_tokens: int = 3, **overrides: Any) -> Completion:
    """Some tokens with log-prob -1 each."""
    values: dict[str, Any] = {
        "text": text,
        "token_ids": (7,) * num_tokens,
        "sampling_logps": (-1.0,) * num_tokens,
        "finish_reason": "stop",
        "seed": 0,
    }
    return Completion(**{**values, **overrides})


def rollout(texts: Sequence[str] = (RIGHT, WRONG), **overrides: Any) -> Rollout:
    """A group with these completions."""
    values: dict[str, Any] = {
        "prompt": prompt(),
        "encoded": encoded(),
        "completions": tuple(completion(text) for text in texts),
    }
    return Rollout(**{**values, **overrides})


def graded(completions: Sequence[Completion], **overrides: Any) -> GradedGroup:
    """A group whose completions are all right and have the format."""
    every = len(completions)
    values: dict[str, Any] = {
        "rollout": rollout(
            completions=tuple(completions), prompt=overrides.pop("prompt", prompt())
        ),
        "well_formed": (True,) * every,
        "answered": (True,) * every,
        "outcomes": (1.0,) * every,
    }
    return GradedGroup(**{**values, **overrides})


def term_parts(term: RewardTerm, group: GradedGroup, name: str = "mine") -> tuple[RewardPart, ...]:
    """What a reward term says of a group at step 0, one part per completion."""
    named = NamedTerm(name, term, rl_step=0)
    return named.parts(group, named.submit(group))


def term_values(
    term: RewardTerm, prompt: Prompt, completions: Sequence[Completion], *, name: str = "mine"
) -> tuple[float | None, ...]:
    """The values among them, of completions that are all right and have the format."""
    group = graded(completions, prompt=prompt)
    return tuple(part.value for part in term_parts(term, group, name))


def scored_group(totals: Sequence[float | None], **overrides: Any) -> ScoredGroup:
    """A group whose outcome is its total."""
    rewards = tuple(
        Reward(parts=(RewardPart(name="outcome", value=total, weight=1.0),), total=total)
        for total in totals
    )
    values: dict[str, Any] = {
        "rollout": rollout([RIGHT] * len(totals)),
        "rewards": rewards,
        "trust": 1.0,
        "thinking_counted": True,
    }
    return ScoredGroup(**{**values, **overrides})


class TableJudge:
    """Scores a completion by its text; None and exceptions are possible answers."""

    def __init__(self, scores: dict[str, float | None]) -> None:
        self.asked: list[str] = []
        self._scores = scores

    def open_step(self) -> JudgeStep:
        return self

    def submit(
        self, prompt: Prompt, completions: Sequence[Completion]
    ) -> Future[tuple[float | None, ...]]:
        self.asked += [c.text for c in completions]
        future: Future[tuple[float | None, ...]] = Future()
        future.set_result(tuple(self._scores[c.text] for c in completions))
        return future

    def metrics(self) -> dict[str, Metric]:
        return {"judge/calls": Sum(value=float(len(self.asked)))}

    def close(self) -> None:
        return None


Outcome = Callable[[Prompt, Completion], float | None]


def generated(
    engine: RolloutEngine, requests: Sequence[GenerationRequest], sampling: SamplingParams
) -> list[Rollout]:
    """The rollouts of an engine in the order of the requests."""
    return [rollout for _, rollout in sorted(engine.generate(requests, sampling), key=_place)]


def _place(answer: tuple[int, Rollout]) -> int:
    return answer[0]
