"""Which completions of a group are judged, and when their thinking scores count.

Outcomes are None where they could not be scored; ``answered`` marks completions that passed the
format gate. Scores are None where the judge was not asked or gave no usable answer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Protocol

from sophia.rewards.trust import is_correct, trust_weight

Outcomes = Sequence[float | None]
Scores = Sequence[float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ThinkingTerm:
    """The thinking rewards of a group as they are applied."""

    values: tuple[float | None, ...]
    """The thinking reward of each completion, in [0, 1]; None for one that has none."""
    trust: float
    """gamma, which the rewards are weighted by; 1 where the term is left out."""
    counted: bool
    """False: the term is left out of every total of this group."""

    def weight_of(self, annealed: float) -> float:
        """What the thinking weighs in this group, before trust; ``annealed`` is the step's."""
        return annealed if self.counted else 0.0


_LEFT_OUT = 1.0


class ThinkingRule(Protocol):
    """A way of using a judge within a group."""

    def to_judge(self, outcomes: Outcomes, answered: Sequence[bool]) -> tuple[bool, ...]:
        """Which completions the judge is asked about."""

    def term(self, outcomes: Outcomes, asked: Sequence[bool], scores: Scores) -> ThinkingTerm:
        """The group's thinking rewards and their trust weight, once the judge has answered."""


def applied_term(
    rule: ThinkingRule | None,
    *,
    outcomes: Outcomes,
    asked: Sequence[bool],
    scores: Scores,
    trust: bool,
) -> ThinkingTerm:
    """The term of a group as it enters the totals: left out without a rule, gamma 1 without trust.

    Args:
        rule: how the judge is used; None for no thinking reward.
        outcomes: of every completion; None where it could not be scored.
        asked: which completions the judge was asked about.
        scores: what it said; None where it was not asked or gave no usable answer.
        trust: whether gamma is applied.
    """
    if rule is None:
        return ThinkingTerm(values=(None,) * len(outcomes), trust=_LEFT_OUT, counted=False)
    term = rule.term(outcomes, asked, scores)
    return term if trust else replace(term, trust=1.0)


class JudgeAll:
    """The paper: every well-formed completion is judged, right or wrong."""

    def to_judge(self, outcomes: Outcomes, answered: Sequence[bool]) -> tuple[bool, ...]:
        """Completions that passed the gate and have an outcome: trust compares right and wrong."""
        return tuple(ok and o is not None for o, ok in zip(outcomes, answered, strict=True))

    def term(self, outcomes: Outcomes, asked: Sequence[bool], scores: Scores) -> ThinkingTerm:
        """The judge's scores; one that is missing drops the term for the whole group.

        So siblings stay comparable.
        """
        judged = [(s, o) for s, o, ask in zip(scores, outcomes, asked, strict=True) if ask]
        known = [(s, o) for s, o in judged if s is not None and o is not None]
        if not known or len(known) < len(judged):
            return ThinkingTerm(values=tuple(scores), trust=_LEFT_OUT, counted=False)
        trust = trust_weight([s for s, _ in known], [is_correct(o) for _, o in known])
        return ThinkingTerm(values=tuple(scores), trust=trust, counted=True)


class JudgeMixedGroups(JudgeAll):
    """The outcome gate: only groups with right and wrong answers are judged and count.

    Elsewhere division by the group's deviation would turn any spread of the thinking reward into
    advantages of size one, whatever its weight, with no outcome to check the judge against.
    """

    def to_judge(self, outcomes: Outcomes, answered: Sequence[bool]) -> tuple[bool, ...]:
        """Those of ``JudgeAll`` in a group with right and wrong answers, none in another."""
        every = super().to_judge(outcomes, answered)
        sides = {
            is_correct(o) for o, ask in zip(outcomes, every, strict=True) if ask and o is not None
        }
        return every if len(sides) == 2 else (False,) * len(every)


class ReleaseRule:
    """What the authors' release does: low outcomes are not judged and count as thinking 0.

    Groups whose outcomes are all >= 0.9 or all <= 0.1 get no thinking reward. The mean of an empty
    side is 0. With 0/1 outcomes mu_wrong is 0, so trust is 1 there by construction.
    """

    _MIN_OUTCOME = 0.2

    def to_judge(self, outcomes: Outcomes, answered: Sequence[bool]) -> tuple[bool, ...]:
        """Those with an outcome of at least 0.2, in groups neither all right nor all wrong."""
        known = [o for o in outcomes if o is not None]
        if all(o >= 0.9 for o in known) or all(o <= 0.1 for o in known):
            return (False,) * len(outcomes)
        return tuple(o is not None and o >= self._MIN_OUTCOME for o in outcomes)

    def term(self, outcomes: Outcomes, asked: Sequence[bool], scores: Scores) -> ThinkingTerm:
        """The judge's scores, 0 for those it was not asked about.

        A failed call drops the term here too: the release's 0 for it is a defect nobody wants.
        """
        failed = any(ask and s is None for ask, s in zip(asked, scores, strict=True))
        if failed or not any(asked):
            return ThinkingTerm(values=tuple(scores), trust=_LEFT_OUT, counted=False)
        values = tuple(s if s is not None else 0.0 for s in scores)
        pairs = [(v, is_correct(o)) for v, o in zip(values, outcomes, strict=True) if o is not None]
        right = [v for v, correct in pairs if correct]
        wrong = [v for v, correct in pairs if not correct]
        gap = fmean(right or [0.0]) - fmean(wrong or [0.0])
        return ThinkingTerm(values=values, trust=math.exp(min(gap, 0.0)), counted=True)
