"""Metrics of a step that are neither rewards nor losses, and one row of those of all ranks."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean

from torch import distributed

from sophia.types import Rollout


def completion_metrics(rollouts: Sequence[Rollout]) -> dict[str, float]:
    """``completions/*`` in tokens, under TRL's names."""
    completions = [c for rollout in rollouts for c in rollout.completions]
    lengths = [len(c.token_ids) for c in completions]
    ended = [len(c.token_ids) for c in completions if not c.truncated]
    metrics = {
        "completions/mean_length": fmean(lengths),
        "completions/min_length": float(min(lengths)),
        "completions/max_length": float(max(lengths)),
        "completions/clipped_ratio": fmean(float(c.truncated) for c in completions),
    }
    if ended:
        metrics["completions/mean_terminated_length"] = fmean(ended)
    return metrics


def over_ranks(metrics: Mapping[str, float]) -> dict[str, float]:
    """The metrics of all ranks as one row; every rank must call this.

    Counts are added up, of extremes the extreme one is taken, and of all else the mean over the
    ranks that have it.
    """
    if not distributed.is_initialized() or distributed.get_world_size() == 1:
        return dict(metrics)
    rows: list[Mapping[str, float]] = [{}] * distributed.get_world_size()
    distributed.all_gather_object(rows, dict(metrics))
    return merged(rows)


def merged(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The row that ``over_ranks`` makes of one row per rank."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: _rule(name)([row[name] for row in rows if name in row]) for name in names}


_COUNTS = re.compile(
    r"judge/(calls|retries|cache_errors|tokens|cost|fail/\w+)|outcome/\w+|rewards/outcome/unscored"
)


_PEAKS = re.compile(r"perf/\w+_memory_gib|sync/probe_max_abs_diff")


def _rule(name: str) -> Callable[[list[float]], float]:
    if _COUNTS.fullmatch(name):
        return sum
    if _PEAKS.fullmatch(name) or re.search(r"(/|_)max(_length)?$", name):
        return max
    return min if re.search(r"(/|_)min(_length)?$", name) else fmean
