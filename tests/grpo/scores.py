"""Scores of a step from plain lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from sophia.grpo.estimators.scores import PartScores, Scores


def scores_of(
    rewards: Sequence[float | None],
    *,
    families: Sequence[int] | None = None,
    parts: Mapping[str, tuple[Sequence[float], float]] | None = None,
) -> Scores:
    """Of one family unless ``families`` says otherwise; None is a reward that is not valid.

    ``parts`` are values and their weight by name.
    """
    number = len(rewards)
    return Scores(
        totals=torch.tensor([0.0 if r is None else r for r in rewards], dtype=torch.float64),
        parts={
            name: PartScores(
                values=torch.tensor(values, dtype=torch.float64),
                weights=torch.full((number,), weight, dtype=torch.float64),
            )
            for name, (values, weight) in (parts or {}).items()
        },
        families=torch.tensor(families if families is not None else [0] * number),
        valid=torch.tensor([r is not None for r in rewards], dtype=torch.bool),
        lengths=torch.ones(number, dtype=torch.long),
        truncated=torch.zeros(number, dtype=torch.bool),
    )


def alone(mine: Tensor) -> Tensor:
    """What a run of one process gathers from all."""
    return mine
