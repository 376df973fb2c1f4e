"""What a checker is given, and what it answers."""

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
class Case:
    """One answer to be checked: text without tags, and what the row says about it."""

    prediction: str
    gold: str
    options: Mapping[str, str]
    """The text of each option by its letter; empty unless the question is multiple choice."""
    tolerance: float
    """A number p is right for the gold g when |p - g| <= tolerance |g|; absolute when g is 0."""
    workers: WorkerPool
    """Processes for comparisons that must be killed when they take too long."""


Checker = Callable[[Case], Verdict]
