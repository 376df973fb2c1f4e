"""Prompts and completions with just what a reward looks at."""

from __future__ import annotations

from collections.abc import Mapping

from sophia.types import Completion, Prompt


def prompt(
    *,
    answer: str = "4",
    problem_type: str = "numerical",
    options: Mapping[str, str] | None = None,
    tolerance: float = 0.0,
    uid: str = "row-7",
) -> Prompt:
    """A prompt without messages."""
    return Prompt(
        uid=uid,
        messages=(),
        answer=answer,
        problem_type=problem_type,
        options=options or {},
        tolerance=tolerance,
    )


def answering(answer: str) -> Completion:
    """A completion with this answer in the format that is asked for."""
    return completion(f"<think>2+2</think><answer>{answer}</answer>")


def completion(text: str) -> Completion:
    """A completion with this text."""
    return Completion(
        text=text, token_ids=(7,), sampling_logps=(-1.0,), finish_reason="stop", seed=0
    )
