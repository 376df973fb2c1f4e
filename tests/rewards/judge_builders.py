"""Small values for tests of the judge."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image

from sophia.chat.breaker import Breaker
from sophia.chat.calls import CallSettings
from sophia.chat.prices import Prices
from sophia.rewards.judge.http import HTTPJudge
from sophia.rewards.judge.prompts.five_criteria import FiveCriteria
from sophia.types import Completion, Media, Message, Prompt


def completion(text: str) -> Completion:
    """A completion of one token with this text."""
    return Completion(
        text=text, token_ids=(7,), sampling_logps=(-1.0,), finish_reason="stop", seed=0
    )


def response(thinking: str, answer: str) -> Completion:
    """A well-formed completion."""
    return completion(f"<think>{thinking}</think><answer>{answer}</answer>")


def image(colour: str = "red") -> Image.Image:
    """A picture of 8 x 8 pixels."""
    return Image.new("RGB", (8, 8), colour)


def prompt(
    question: str = "What is 2 + 2?", *, uid: str = "p", images: tuple[Any, ...] = ()
) -> Prompt:
    """A prompt with the gold answer 4."""
    media = tuple(Media(source=source) for source in images)
    return Prompt(
        uid=uid,
        messages=(Message(role="user", content=(*media, question)),),
        answer="4",
        problem_type="numerical",
    )


def calls(**overrides: Any) -> CallSettings:
    """Limits short enough for tests."""
    short: dict[str, Any] = {
        "timeout_s": 5.0, "deadline_s": 10.0, "max_attempts": 3, "backoff_s": 0.01,
    }  # fmt: skip
    return CallSettings(**short | overrides)


def http_judge(
    url: str,
    *,
    cache_path: Path | None = None,
    breaker: Breaker | None = None,
    overrides: dict[str, Any] | None = None,
    **limits: Any,
) -> HTTPJudge:
    """A judge with short limits and no cache."""
    arguments: dict[str, Any] = {
        "model": "thinking-reward-model", "api_key": "EMPTY", "prompt": FiveCriteria(),
        "prices": Prices(prompt=None, completion=None),
        "cache_path": cache_path, "calls": calls(**limits), "breaker": breaker or Breaker(),
    }  # fmt: skip
    return HTTPJudge(url, **arguments | (overrides or {}))
