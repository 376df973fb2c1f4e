"""Terms that are known as soon as a group is graded: nothing to wait for."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Protocol

from sophia.metrics import Metrics
from sophia.protocols import TermStep
from sophia.rewards.terms.answers import finite_values, finite_weights
from sophia.types import GradedGroup, TermValues


class RuleTerm(Protocol):
    """A base for terms that are rules: with a ``weight`` and a method ``values`` it is a term."""

    weight: float
    """What a value is multiplied by in the total; 0: it is only logged."""

    @abstractmethod
    def values(self, group: GradedGroup) -> Sequence[float | None]:
        """One number per completion; None where there is none."""

    def weights(self, group: GradedGroup) -> Sequence[float]:
        """One per completion: ``weight`` for each, unless a term says something else."""
        return (self.weight,) * len(group.outcomes)

    def open_step(self, rl_step: int) -> TermStep:
        """A step that answers at once, the same at every RL step."""
        return AnsweredAtOnce(self._answer)

    def close(self) -> None:
        """There is nothing to release."""
        return

    def _answer(self, group: GradedGroup) -> TermValues:
        return TermValues(
            values=finite_values(self.values(group), len(group.outcomes)),
            weights=finite_weights(self.weights(group), len(group.outcomes)),
        )


def check_max_tokens(max_tokens: int) -> None:
    """Refuse a limit that no completion can keep to."""
    if max_tokens < 1:
        raise ValueError(
            f"max_tokens is {max_tokens}; it must be at least 1, usual is sampling.max_new_tokens."
        )


class AnsweredAtOnce:
    """The step of a term that is a function of the group: its futures are done from the start."""

    def __init__(self, answer: Callable[[GradedGroup], TermValues]) -> None:
        self._answer = answer

    def submit(self, group: GradedGroup) -> Future[TermValues]:
        """What the function answers, in a future; raises what it raises."""
        future: Future[TermValues] = Future()
        future.set_result(self._answer(group))
        return future

    def metrics(self) -> Metrics:
        """It has none."""
        return {}
