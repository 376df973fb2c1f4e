"""How much better than its siblings a completion is: group-relative advantages.

Shapes: B completions; group_ids (B,) say which prompt each belongs to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Scale = Literal["group", "batch", "none"]


def group_advantages(
    rewards: Tensor,  # (B,)
    group_ids: Tensor,  # (B,) int64, 0..G-1
    valid: Tensor,  # (B,) bool: False leaves its group
    *,
    scale: Scale,
    epsilon: float,
    batch_std: Tensor | None = None,  # () over all ranks; needed when scale is "batch"
) -> Tensor:
    """(B,) float32: (R - mean(R)) / (std(R) + epsilon) within each group (arXiv:2505.17018, eq. 6).

    The deviation is the unbiased one, as in the field's trainers. ``none`` leaves the division out
    (Dr.GRPO, arXiv:2503.20783), ``batch`` divides by ``batch_std``. An invalid completion, and
    every completion of a group with fewer than two valid ones or with equal rewards, gets 0.
    """
    stats = group_statistics(rewards, group_ids, valid)
    centred = rewards.double() - stats.mean[group_ids]
    if scale == "group":
        centred = centred / (stats.std[group_ids] + epsilon)
    elif scale == "batch":
        assert batch_std is not None, "scale='batch' needs the deviation over all ranks"
        centred = centred / (batch_std.double() + epsilon)
    contributes = valid & ~stats.constant[group_ids]
    return torch.where(contributes, centred, torch.zeros_like(centred)).float()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GroupStatistics:
    """The valid rewards of each of G groups."""

    mean: Tensor  # (G,) float64
    std: Tensor  # (G,) float64, unbiased; 0 for fewer than two
    constant: Tensor  # (G,) bool: fewer than two, or all equal


def group_statistics(rewards: Tensor, group_ids: Tensor, valid: Tensor) -> GroupStatistics:
    """Statistics of each group's valid rewards.

    Computed in float64, and equal rewards are recognised as such: a rounding error divided by
    itself would be an advantage of size one.
    """
    num_groups = int(group_ids.max()) + 1 if len(group_ids) else 0
    means, stds, constants = [], [], []
    for group in range(num_groups):
        values = rewards[(group_ids == group) & valid].double()
        means.append(values.mean() if len(values) else values.new_zeros(()))
        stds.append(values.std() if len(values) > 1 else values.new_zeros(()))
        constants.append(bool(len(values) < 2 or values.max() == values.min()))
    empty = rewards.new_zeros(0, dtype=torch.float64)
    return GroupStatistics(
        mean=torch.stack(means) if means else empty,
        std=torch.stack(stds) if stds else empty,
        constant=torch.tensor(constants, dtype=torch.bool),
    )
