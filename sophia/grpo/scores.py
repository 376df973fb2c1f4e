"""From scored groups to tensors: what each completion of a step is worth.

Shapes: B completions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sophia.types import ScoredGroup


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scores:
    """The rewards of a step as tensors, in the order of its completions."""

    rewards: Tensor  # (B,) float64; 0 where not valid
    valid: Tensor  # (B,) bool: False where the outcome could not be scored
    truncated: Tensor  # (B,) bool


def collate_scores(groups: Sequence[ScoredGroup]) -> Scores:
    """The total reward of every completion, group after group."""
    totals = [r.total for group in groups for r in group.rewards]
    completions = [c for group in groups for c in group.rollout.completions]
    return Scores(
        rewards=torch.tensor([0.0 if t is None else t for t in totals], dtype=torch.float64),
        valid=torch.tensor([t is not None for t in totals]),
        truncated=torch.tensor([c.truncated for c in completions]),
    )
