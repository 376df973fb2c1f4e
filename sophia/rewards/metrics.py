"""What a step's rewards were, under the field's names. Computed from the values that were used."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import fmean, stdev

from sophia.rewards.trust import is_correct
from sophia.types import Reward, ScoredGroup


def reward_metrics(groups: Sequence[ScoredGroup]) -> dict[str, float]:
    """``reward``, ``rewards/*``, ``group/*``, ``trust/*``, ``thinking/*`` of one step."""
    rewards = [r for group in groups for r in group.rewards]
    totals = [r.total for r in rewards if r.total is not None]
    outcomes = [o for r in rewards if (o := r.value("outcome")) is not None]
    return {
        "reward": _mean(totals),
        "reward_std": _mean([_std(_totals(group)) for group in groups]),
        "frac_reward_zero_std": _share(len(set(_totals(group))) < 2 for group in groups),
        "accuracy": _share(is_correct(o) for o in outcomes),
        "rewards/outcome/unscored": float(sum(r.total is None for r in rewards)),
        **_part_metrics(rewards),
        **_group_metrics(groups),
        **_thinking_metrics(groups),
    }


def _part_metrics(rewards: Sequence[Reward]) -> dict[str, float]:
    metrics = {}
    for name in dict.fromkeys(part.name for r in rewards for part in r.parts):
        values = [v for r in rewards if (v := r.value(name)) is not None]
        if values:
            metrics[f"rewards/{name}/mean"] = fmean(values)
            metrics[f"rewards/{name}/std"] = _std(values)
    return metrics


def _group_metrics(groups: Sequence[ScoredGroup]) -> dict[str, float]:
    right = [_right_answers(group) for group in groups]
    return {
        "group/all_correct": _share(bool(r) and all(r) for r in right),
        "group/all_wrong": _share(bool(r) and not any(r) for r in right),
        "group/mixed": _share(any(r) and not all(r) for r in right),
    }


def _thinking_metrics(groups: Sequence[ScoredGroup]) -> dict[str, float]:
    pairs = [
        (t, o)
        for group in groups
        for r in group.rewards
        if (t := r.value("thinking")) is not None and (o := r.value("outcome")) is not None
    ]
    if not pairs:
        return {}
    sides = {
        "thinking/mean": [t for t, _ in pairs],
        "thinking/correct_mean": [t for t, o in pairs if is_correct(o)],
        "thinking/wrong_mean": [t for t, o in pairs if not is_correct(o)],
    }
    counted = [group for group in groups if group.thinking_counted]
    return {
        **{name: fmean(side) for name, side in sides.items() if side},
        "thinking/frac_groups_counted": len(counted) / len(groups),
        "trust/gamma": _mean([group.trust for group in groups]),
        "trust/frac_below_one": _share(group.trust < 1.0 for group in groups),
    }


def _right_answers(group: ScoredGroup) -> list[bool]:
    return [is_correct(o) for r in group.rewards if (o := r.value("outcome")) is not None]


def _totals(group: ScoredGroup) -> list[float]:
    return [r.total for r in group.rewards if r.total is not None]


def _mean(values: Sequence[float]) -> float:
    return fmean(values) if values else 0.0


def _std(values: Sequence[float]) -> float:
    return stdev(values) if len(values) > 1 else 0.0


def _share(flags: Iterable[bool]) -> float:
    return _mean([float(flag) for flag in flags])
