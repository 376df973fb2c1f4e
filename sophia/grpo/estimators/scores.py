"""From scored groups to tensors: what each completion of a step is worth, and to whom compared.

Shapes: B completions of a step on this rank.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from sophia.types import ScoredGroup

Everywhere = Callable[[Tensor], Tensor]
"""The values (B,) of all ranks, which have equally many, one after another; a collective."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartScores:
    """One part of the rewards of a step.

    The sum over all parts of weight * value is the total of every completion that is valid.
    """

    values: Tensor  # (B,) float64; 0 where there is none, and behind the format gate
    weights: Tensor  # (B,) float64: what the value counts in the total; 0 where there is none


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scores:
    """The rewards of a step as tensors, in the order of its completions."""

    totals: Tensor  # (B,) float64; 0 where not valid
    parts: Mapping[str, PartScores]
    families: Tensor  # (B,) int64, 0..F-1: completions of one family are compared with each other
    valid: Tensor  # (B,) bool: False where the outcome could not be scored
    lengths: Tensor  # (B,) int64, in tokens
    truncated: Tensor  # (B,) bool: cut by the length limit


class AdvantageEstimator(Protocol):
    """How much better than expected a completion is."""

    @property
    def min_generations(self) -> int:
        """How many completions of a prompt it needs for an advantage that is not 0."""

    def __call__(self, scores: Scores, *, everywhere: Everywhere) -> Tensor:
        """(B,) float32 advantages, 0 for what is not valid. Every rank calls it alike."""


def collate_scores(groups: Sequence[ScoredGroup]) -> Scores:
    """The rewards of every completion, group after group."""
    rewards = [reward for group in groups for reward in group.rewards]
    completions = [c for group in groups for c in group.rollout.completions]
    counts = torch.tensor([len(group.rewards) for group in groups], dtype=torch.long)
    names = dict.fromkeys(part.name for reward in rewards for part in reward.parts)
    return Scores(
        totals=_known([reward.total for reward in rewards]),
        parts={
            name: PartScores(
                values=_known([None if r.gated else r.value(name) for r in rewards]),
                weights=torch.tensor([r.weight(name) for r in rewards], dtype=torch.float64),
            )
            for name in names
        },
        families=torch.repeat_interleave(_families(groups), counts),
        valid=torch.tensor([reward.total is not None for reward in rewards]),
        lengths=torch.tensor([len(c.token_ids) for c in completions]),
        truncated=torch.tensor([c.truncated for c in completions]),
    )


def _families(groups: Sequence[ScoredGroup]) -> Tensor:
    """(G,) the number of each group's family."""
    named = [group.family or place for place, group in enumerate(groups)]
    numbers = {family: number for number, family in enumerate(dict.fromkeys(named))}
    return torch.tensor([numbers[family] for family in named], dtype=torch.long)


def _known(values: Sequence[float | None]) -> Tensor:
    return torch.tensor([0.0 if v is None else v for v in values], dtype=torch.float64)
