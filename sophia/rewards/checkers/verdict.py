"""What a checker makes of a gold answer: a rule for responses, and the verdicts that it gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from sophia.rewards.process.pool import WorkerPool

Failure = Literal["unparsed", "timeouts", "unscored"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A score in [0, 1], or None when the *gold* (never the prediction) prevents one.

    ``failure`` says what went wrong on the way: ``unparsed`` and ``timeouts`` are the prediction's
    and score 0, ``unscored`` is the gold's or the worker's and scores None.
    """

    score: float | None
    failure: Failure | None = None


RIGHT = Verdict(score=1.0)
WRONG = Verdict(score=0.0)
UNPARSED = Verdict(score=0.0, failure="unparsed")
TIMED_OUT = Verdict(score=0.0, failure="timeouts")
UNSCORED = Verdict(score=None, failure="unscored")


def verdict_of(right: bool) -> Verdict:
    """RIGHT for True, WRONG for False."""
    return RIGHT if right else WRONG


@dataclass(frozen=True, slots=True, kw_only=True)
class Gold:
    """The gold answer of a row, without tags and not empty, and what belongs to it."""

    text: str
    options: Mapping[str, str]
    """The text of each option by its letter; empty unless the question is multiple choice."""
    tolerance: float
    """A number p is right for the gold g when |p - g| <= tolerance |g|; absolute when g is 0."""


Rule = Callable[[str | None], Verdict]
"""The verdict on a prediction: text without tags, None when a response gives no answer."""

Checker = Callable[[Gold, "WorkerPool"], Rule | None]
"""Reads a gold answer once. None when it cannot be graded: no prediction is asked about that.

The workers are processes for comparisons that must be killed when they take too long.
"""
