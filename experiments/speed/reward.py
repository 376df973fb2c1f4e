"""The reward of both trainers: share of digits in a response. Standard library only."""

from __future__ import annotations

from typing import Any


def share_of_digits(text: str) -> float:
    """In [0, 1]."""
    return sum(character.isdigit() for character in text) / max(len(text), 1)


def of_completion(prompt: Any, completion: Any) -> float:
    """As sophia calls a reward."""
    return share_of_digits(completion.text)


def of_completions(completions: list[list[dict[str, str]]], **_: Any) -> list[float]:
    """As TRL calls a reward."""
    return [share_of_digits(turns[0]["content"]) for turns in completions]
