"""A judge that finds everything equally good: the baseline, and a stand-in without a server."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future

from sophia.metrics import Metric
from sophia.types import Completion, Prompt


class ConstantJudge:
    """Gives every completion the same score.

    Args:
        score: the score in [0, 1]; None leaves all completions unscored.
    """

    def __init__(self, score: float | None) -> None:
        if score is not None and not 0.0 <= score <= 1.0:
            raise ValueError(f"the constant score is {score}; expected a number in [0, 1] or null")
        self._score = score

    def open_step(self) -> ConstantStep:
        """A step whose scores are there at once."""
        return ConstantStep(self._score)

    def close(self) -> None:
        """Do nothing: no connection or file is held open."""


class ConstantStep:
    """One step of the constant judge, which makes no calls."""

    def __init__(self, score: float | None) -> None:
        self._score = score

    def submit(
        self,
        prompt: Prompt,
        completions: Sequence[Completion],
    ) -> Future[tuple[float | None, ...]]:
        """A future that is done, with the constant once per completion."""
        scores: Future[tuple[float | None, ...]] = Future()
        scores.set_result((self._score,) * len(completions))
        return scores

    def metrics(self) -> dict[str, Metric]:
        """No figures: there were no calls to count."""
        return {}
