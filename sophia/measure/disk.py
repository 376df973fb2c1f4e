"""What a run will write that is large, before anything is loaded: bytes that follow from shapes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

_FLOAT32 = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskPlan:
    """Bytes in the folder of a run; what was sampled, pictures and logs come on top.

    Args:
        checkpoint: one checkpoint: weights, and the optimizer's moments of those that are trained.
        num_checkpoints: the most that lie there at a time, the one that is being written included.
        best: the weights of the best policy of the validations; 0 when they are not kept.
        policy: the trained policy in Hugging Face format.
    """

    checkpoint: float
    num_checkpoints: int
    best: float
    policy: float

    @property
    def sum(self) -> float:
        """All of them together."""
        return self.checkpoint * self.num_checkpoints + self.best + self.policy


def plan_disk(
    model: Any, *, moments: int, num_kept: int, keeps_best: bool, policy_dtype: torch.dtype
) -> DiskPlan:
    """The plan for a model, which may be on the meta device.

    Args:
        model: the policy with what of it is trained.
        moments: how many float32 numbers the optimizer keeps per trained weight.
        num_kept: how many checkpoints are kept.
        keeps_best: whether the weights of the best validation are kept as well.
        policy_dtype: the type of the weights that are written at the end.
    """
    parameters = list(model.parameters())
    weights = sum(p.numel() * p.element_size() for p in parameters)
    trained = sum(p.numel() for p in parameters if p.requires_grad)
    return DiskPlan(
        checkpoint=float(weights + moments * trained * _FLOAT32),
        num_checkpoints=num_kept + 1,
        best=float(weights) if keeps_best else 0.0,
        policy=float(sum(p.numel() for p in parameters) * policy_dtype.itemsize),
    )
