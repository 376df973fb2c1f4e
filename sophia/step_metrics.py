"""Metrics of a step that are neither rewards nor losses, and their mean over ranks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


def mean_over_ranks(metrics: Mapping[str, float]) -> dict[str, float]:
    """Mean of each metric over the ranks that have it; every rank must call this."""
    if not distributed.is_initialized() or distributed.get_world_size() == 1:
        return dict(metrics)
    rows: list[Mapping[str, float]] = [{}] * distributed.get_world_size()
    distributed.all_gather_object(rows, dict(metrics))
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: fmean(row[name] for row in rows if name in row) for name in names}
