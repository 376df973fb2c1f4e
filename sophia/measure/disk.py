"""How much a run writes to disk that does not grow with its length: checkpoints and weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskPlan:
    """Predicted bytes on disk.

    Args:
        checkpoint: one checkpoint: all weights, and the optimizer's moments of what is trained.
        checkpoints: as many as may lie there at once: those that are kept, and one being written.
        weights: the trained policy, and the best one where validation keeps it.
    """

    checkpoint: int
    checkpoints: int
    weights: int

    @property
    def total(self) -> int:
        """All of it, in bytes."""
        return self.checkpoints + self.weights


def plan_disk(model: Any, *, moments: int, kept: int, copies: int) -> DiskPlan:
    """What a run of this model will write.

    Args:
        model: the model, which may be on the meta device.
        moments: how many float32 values the optimizer keeps for a trained weight; 2 for Adam.
        kept: how many checkpoints are kept at a time.
        copies: how many folders of weights alone are written.
    """
    parameters = list(model.parameters())
    weights = sum(p.numel() * p.element_size() for p in parameters)
    trained = sum(p.numel() for p in parameters if p.requires_grad)
    checkpoint = weights + trained * 4 * moments
    return DiskPlan(
        checkpoint=checkpoint, checkpoints=checkpoint * (kept + 1), weights=weights * copies
    )
