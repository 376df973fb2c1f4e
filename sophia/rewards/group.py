"""The rewards of one group from plain numbers: what the composer does, without files or engines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sophia.rewards.thinking import (
    JudgeAll,
    Outcomes,
    Scores,
    ThinkingRule,
    ThinkingTerm,
    applied_term,
)
from sophia.rewards.total import total_reward


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRewards:
    """What the completions of one group are worth, and how their thinking was weighed."""

    totals: tuple[float | None, ...]
    """One per completion; None: its outcome could not be scored, so it leaves the group."""
    trust: float
    """gamma, in [1/e, 1]; 1 where the thinking is left out."""
    thinking_counted: bool
    """Whether the thinking entered the totals: not so when one score that was asked for is None."""


def trust_grpo_rewards(
    outcomes: Outcomes,
    thinking: Scores,
    *,
    weight: float,
    well_formed: Sequence[bool] | None = None,
    rule: ThinkingRule | None = None,
    trust: bool = True,
) -> GroupRewards:
    """R = outcome + gamma * weight * thinking for each completion of a group (arXiv:2505.17018).

    Args:
        outcomes: one per completion, in [0, 1]; None where it could not be scored.
        thinking: the judge's scores, in [0, 1]; None where it gave none. One that is missing leaves
            the thinking of the whole group out.
        weight: what the thinking weighs at this step: ``annealing(step)``.
        well_formed: whether each completion has the format that was asked for; one that has not
            gets 0 and takes no side in gamma. None: nobody asked for one.
        rule: whose thinking counts, and when: ``JudgeAll`` (the paper; None means it),
            ``JudgeMixedGroups`` or ``ReleaseRule``.
        trust: whether gamma is applied; otherwise it is 1.

    Raises:
        ValueError: for lists of different lengths, or a number that is not in [0, 1].
    """
    answered = tuple(well_formed) if well_formed is not None else (True,) * len(outcomes)
    _check(outcomes, thinking, answered)
    rule = rule if rule is not None else JudgeAll()
    outcomes = gated_outcomes(outcomes, answered)
    asked = rule.to_judge(outcomes, answered)
    scores = tuple(s if ask else None for s, ask in zip(thinking, asked, strict=True))
    term = applied_term(rule, outcomes=outcomes, asked=asked, scores=scores, trust=trust)
    return GroupRewards(
        totals=_totals(outcomes, answered, term, weight=term.weight_of(weight)),
        trust=term.trust,
        thinking_counted=term.counted,
    )


def gated_outcomes(outcomes: Outcomes, answered: Sequence[bool]) -> tuple[float | None, ...]:
    """The outcomes, 0 for each completion that did not pass the format gate."""
    return tuple(o if ok else 0.0 for o, ok in zip(outcomes, answered, strict=True))


def _totals(
    outcomes: Outcomes, answered: Sequence[bool], term: ThinkingTerm, *, weight: float
) -> tuple[float | None, ...]:
    return tuple(
        total_reward(
            outcome=outcome, outcome_weight=1.0, gamma=term.trust, weight=weight, thinking=score,
            others=(), gated=not ok,
        )
        for outcome, score, ok in zip(outcomes, term.values, answered, strict=True)
    )  # fmt: skip


def _check(outcomes: Outcomes, thinking: Scores, answered: Sequence[bool]) -> None:
    lengths = len(outcomes), len(thinking), len(answered)
    if len(set(lengths)) != 1:
        raise ValueError(
            "a group has one outcome, one thinking score and one well_formed per completion; got"
            f" {lengths[0]}, {lengths[1]} and {lengths[2]}. Give None for a score that is missing."
        )
    for name, values in (("outcomes", outcomes), ("thinking", thinking)):
        for place, value in enumerate(values):
            if value is not None and not 0.0 <= value <= 1.0:
                raise ValueError(
                    f"{name}[{place}] is {value}; it must be in [0, 1], or None where there is no"
                    " score."
                )
