"""What a step's rewards were, under the field's names. Computed from the values that were used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from sophia.metrics import Mean, Metric, Std, Sum
from sophia.rewards.checkers.verdict import Failure, Verdict
from sophia.rewards.trust import is_correct
from sophia.types import Reward, ScoredGroup


def reward_metrics(groups: Sequence[ScoredGroup]) -> dict[str, Metric]:
    """``reward``, ``rewards/*``, ``group/*``, ``trust/*``, ``thinking/*`` of one step.

    Merged, the metrics of some groups and of others are those of all of them. A group of one
    completion has no deviation.
    """
    rewards = [r for group in groups for r in group.rewards]
    totals = [_totals(group) for group in groups]
    compared = [t for t, group in zip(totals, groups, strict=True) if len(group.rewards) > 1]
    outcomes = [o for r in rewards if (o := r.value("outcome")) is not None]
    return {
        "reward": Mean.of(total for of_group in totals for total in of_group),
        "reward_std": Mean.of(Std.of(of_group).value or 0.0 for of_group in compared),
        "frac_reward_zero_std": Mean.of(len(set(of_group)) < 2 for of_group in compared),
        "accuracy": Mean.of(is_correct(o) for o in outcomes),
        "rewards/outcome/unscored": Sum(value=float(sum(r.total is None for r in rewards))),
        **_part_metrics(rewards),
        **_group_metrics(groups),
        **_thinking_metrics(groups),
    }


def outcome_metrics(verdicts: Sequence[Verdict]) -> dict[str, Metric]:
    """``outcome/*``: answers graded, predictions unparsed, timeouts, golds that prevent a score."""
    counts: dict[str, int] = {"graded": len(verdicts)}
    for failure in get_args(Failure):
        counts[failure] = sum(verdict.failure == failure for verdict in verdicts)
    return {f"outcome/{name}": Sum(value=float(count)) for name, count in counts.items()}


def _part_metrics(rewards: Sequence[Reward]) -> dict[str, Metric]:
    metrics: dict[str, Metric] = {}
    for name in dict.fromkeys(part.name for r in rewards for part in r.parts):
        values = [v for r in rewards if (v := r.value(name)) is not None]
        metrics[f"rewards/{name}/mean"] = Mean.of(values)
        metrics[f"rewards/{name}/std"] = Std.of(values)
    return metrics


def _group_metrics(groups: Sequence[ScoredGroup]) -> dict[str, Metric]:
    right = [_right_answers(group) for group in groups]
    return {
        "group/all_correct": Mean.of(bool(r) and all(r) for r in right),
        "group/all_wrong": Mean.of(bool(r) and not any(r) for r in right),
        "group/mixed": Mean.of(any(r) and not all(r) for r in right),
    }


def _thinking_metrics(groups: Sequence[ScoredGroup]) -> dict[str, Metric]:
    """``thinking/*`` and ``trust/*``, of groups whose rewards have a thinking part.

    Whether or not the judge answered.
    """
    judged = [group for group in groups if _has_thinking(group)]
    pairs = [
        (t, o)
        for group in judged
        for r in group.rewards
        if (t := r.value("thinking")) is not None and (o := r.value("outcome")) is not None
    ]
    return {
        "thinking/mean": Mean.of(t for t, _ in pairs),
        "thinking/correct_mean": Mean.of(t for t, o in pairs if is_correct(o)),
        "thinking/wrong_mean": Mean.of(t for t, o in pairs if not is_correct(o)),
        "thinking/frac_groups_counted": Mean.of(group.thinking_counted for group in judged),
        "trust/gamma": Mean.of(group.trust for group in judged),
        "trust/frac_below_one": Mean.of(group.trust < 1.0 for group in judged),
    }


def _has_thinking(group: ScoredGroup) -> bool:
    return any(part.name == "thinking" for r in group.rewards for part in r.parts)


def _right_answers(group: ScoredGroup) -> list[bool]:
    return [is_correct(o) for r in group.rewards if (o := r.value("outcome")) is not None]


def _totals(group: ScoredGroup) -> list[float]:
    return [r.total for r in group.rewards if r.total is not None]
