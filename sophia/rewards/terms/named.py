"""A reward term under the name that ``reward.extra`` gives it: asked, waited for and checked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

from sophia.failures import RunStopped
from sophia.metrics import Metric
from sophia.own.function import UnusableError, reason
from sophia.protocols import RewardTerm
from sophia.rewards.custom import CustomReward
from sophia.rewards.signatures import shown
from sophia.rewards.terms.answers import checked
from sophia.types import GradedGroup, RewardPart, TermValues

_BUILT_IN = ("outcome", "format", "thinking")
_LOGGED = ("mean", "std")  # sophia/rewards/metrics.py


class RewardFailed(RunStopped):
    """A reward term raised, or answered what is no number."""


class NamedTerm:
    """One term in one RL step. What goes wrong in it is said in one sentence with its name.

    Whatever a method raises is a RewardFailed, or another RunStopped that the term itself raised.
    """

    def __init__(self, name: str, term: RewardTerm, *, rl_step: int) -> None:
        self.name = name
        self._term = term
        with self._named(f"at RL step {rl_step}"):
            self._step = term.open_step(rl_step)

    def submit(self, group: GradedGroup) -> Future[TermValues]:
        """Start scoring a group."""
        with self._named(_on(group)):
            return self._step.submit(group)

    def parts(self, group: GradedGroup, answer: Future[TermValues]) -> tuple[RewardPart, ...]:
        """Wait for the answer; one part per completion, as it enters the totals.

        Where a completion that the term weighs has no value, the term is left out of the group, so
        that siblings stay comparable.
        """
        with self._named(_on(group)):
            term = checked(answer.result(), len(group.outcomes))
        pairs = list(zip(term.values, term.weights, strict=True))
        complete = all(value is not None or weight == 0.0 for value, weight in pairs)
        return tuple(
            RewardPart(name=self.name, value=value, weight=weight if complete else 0.0)
            for value, weight in pairs
        )

    def metrics(self) -> dict[str, Metric]:
        """The step's own figures behind the term's name."""
        with self._named("when its metrics were asked for"):
            return {
                f"rewards/{self.name}/{key}": _figure(key, metric)
                for key, metric in self._step.metrics().items()
            }

    @contextmanager
    def _named(self, when: str) -> Iterator[None]:
        try:
            yield
        except RunStopped:
            raise
        except Exception as error:
            where, source = _place(self._term)
            raise RewardFailed(
                f"the reward {self.name!r} ({where}) failed {when}: {reason(error, source)}"
            ) from error


def check_terms(terms: Mapping[str, RewardTerm]) -> None:
    """Refuse terms that could not be told apart from built-in parts, or that are no terms.

    Raises:
        ValueError: naming the first.
    """
    for name, term in terms.items():
        if name in _BUILT_IN:
            raise ValueError(
                f"reward.extra.{name} has the name of a part that every reward has"
                f" ({', '.join(_BUILT_IN)}); choose another name."
            )
        if not callable(getattr(term, "open_step", None)):
            raise ValueError(
                f"reward.extra.{name} is a {type(term).__name__}, which is no reward term: it has"
                " no open_step. A class of your own derives from"
                " sophia.rewards.terms.rule.RuleTerm; a function goes through"
                " sophia.rewards.custom.CustomReward (docs/recipes.md)."
            )


def _figure(key: str, metric: Metric) -> Metric:
    if key in _LOGGED:
        raise UnusableError(f"its metric {key!r} has the name of what is logged of every reward")
    if not isinstance(metric, Metric):
        raise UnusableError(
            f"its metric {key!r} is {shown(metric)}, expected a Mean, Sum, Max, Min or Std of"
            " sophia.metrics"
        )
    return metric


def _on(group: GradedGroup) -> str:
    return f"on the prompt {group.rollout.prompt.uid!r}"


def _place(term: RewardTerm) -> tuple[str, Callable[..., Any]]:
    """How the source of a term is called, and what of it is looked for in a traceback."""
    if isinstance(term, CustomReward):
        return term.function, term.loaded
    return f"{type(term).__module__}.{type(term).__qualname__}", type(term)
