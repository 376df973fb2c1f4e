"""Metrics of a step that are neither rewards nor losses, and one row of those of all ranks."""

from __future__ import annotations

from collections.abc import Sequence

from torch import distributed

from sophia.metrics import Max, Mean, Metric, Metrics, Min, merged, values
from sophia.types import Rollout


def completion_metrics(rollouts: Sequence[Rollout]) -> dict[str, Metric]:
    """``completions/*``: lengths in tokens and the share cut by the limit, under TRL's names."""
    completions = [c for rollout in rollouts for c in rollout.completions]
    lengths = [len(c.token_ids) for c in completions]
    return {
        "completions/mean_length": Mean.of(lengths),
        "completions/min_length": Min.of(lengths),
        "completions/max_length": Max.of(lengths),
        "completions/clipped_ratio": Mean.of(c.truncated for c in completions),
        "completions/mean_terminated_length": Mean.of(
            len(c.token_ids) for c in completions if not c.truncated
        ),
    }


def over_ranks(metrics: Metrics) -> dict[str, float]:
    """The metrics of all ranks merged into one row; every rank must call this."""
    if not distributed.is_initialized() or distributed.get_world_size() == 1:
        return values(metrics)
    rows: list[Metrics] = [{}] * distributed.get_world_size()
    distributed.all_gather_object(rows, dict(metrics))
    return values(merged(rows))
