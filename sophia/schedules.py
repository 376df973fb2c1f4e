"""Values that change with the RL step: the thinking weight (annealing) and the learning rate.

A schedule is any callable from an RL step (0-based) to a float.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol


class Schedule(Protocol):
    """Anything that has a value for each RL step."""

    def __call__(self, step: int) -> float:
        """The value at an RL step, counted from 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Constant:
    """The same value at every step."""

    value: float

    def __call__(self, step: int) -> float:
        return self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Exponential:
    """start * exp(-step / decay_steps); arXiv:2505.17018, eq. 5: start is alpha, decay_steps T."""

    start: float
    decay_steps: float

    def __post_init__(self) -> None:
        _check_steps(self.decay_steps)

    def __call__(self, step: int) -> float:
        return self.start * math.exp(-step / self.decay_steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Linear:
    """From start to end in a straight line over decay_steps, then end."""

    start: float
    end: float
    decay_steps: float

    def __post_init__(self) -> None:
        _check_steps(self.decay_steps)

    def __call__(self, step: int) -> float:
        done = min(step / self.decay_steps, 1.0)
        return self.start + (self.end - self.start) * done


@dataclass(frozen=True, slots=True, kw_only=True)
class Cosine:
    """From start to end along half a cosine over decay_steps, then end."""

    start: float
    end: float
    decay_steps: float

    def __post_init__(self) -> None:
        _check_steps(self.decay_steps)

    def __call__(self, step: int) -> float:
        done = min(step / self.decay_steps, 1.0)
        return self.end + (self.start - self.end) * 0.5 * (1.0 + math.cos(math.pi * done))


def _check_steps(decay_steps: float) -> None:
    if not decay_steps > 0:
        raise ValueError(
            f"decay_steps is {decay_steps}; it must be above 0: RL steps of the decay."
        )
