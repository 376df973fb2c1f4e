"""Means and deviations of what is valid, within families and over all ranks.

Shapes: B completions of a step on this rank; families (B,) say which are compared.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from sophia.grpo.estimators.scores import Everywhere


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FamilyStatistics:
    """The valid values of each completion's family, at every completion."""

    mean: Tensor  # (B,) float64
    std: Tensor  # (B,) float64, unbiased; 0 for fewer than two
    count: Tensor  # (B,) float64
    constant: Tensor  # (B,) bool: fewer than two, or all equal


def check_epsilon(epsilon: float) -> None:
    """Refuse what cannot be added to a deviation before something is divided by it."""
    if not epsilon >= 0.0:
        raise ValueError(f"epsilon is {epsilon}; it must be at least 0, usual is 1e-6.")


def family_statistics(values: Tensor, families: Tensor, valid: Tensor) -> FamilyStatistics:
    """Statistics of (B,) values.

    Computed in float64, and equal values are recognised as such: a rounding error divided by itself
    would be an advantage of size one.
    """
    mean, std, count = (torch.zeros(len(values), dtype=torch.float64) for _ in range(3))
    constant = torch.ones(len(values), dtype=torch.bool)
    for family in set(families.tolist()):
        members = families == family
        known = values[members & valid].double()
        mean[members] = known.mean() if len(known) else 0.0
        std[members] = known.std() if len(known) > 1 else 0.0
        count[members] = float(len(known))
        constant[members] = bool(len(known) < 2 or known.max() == known.min())
    return FamilyStatistics(mean=mean, std=std, count=count, constant=constant)


def over_all_ranks(values: Tensor, valid: Tensor, everywhere: Everywhere) -> Tensor:
    """The valid values (B,) of all ranks in one row, in float64; a collective."""
    gathered = everywhere(torch.where(valid, values.double(), torch.nan)).cpu()
    return gathered[~gathered.isnan()]


def whitened(values: Tensor, valid: Tensor, everywhere: Everywhere, *, epsilon: float) -> Tensor:
    """(B,) float64: (v - mean) / (std + epsilon) over the valid values of all ranks; else 0."""
    known = over_all_ranks(values, valid, everywhere)
    if len(known) < 2 or known.max() == known.min():
        return torch.zeros_like(values.double())
    scores = (values.double() - known.mean()) / (known.std() + epsilon)
    return torch.where(valid, scores, 0.0)
