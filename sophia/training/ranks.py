"""What the processes of a run tell each other; every method is a collective that all must call."""

from __future__ import annotations

import torch
from lightning import Trainer
from torch import Tensor


class Ranks:
    """The processes of a trainer.

    Args:
        trainer: whose strategy connects them.
        device: where this process computes.
    """

    def __init__(self, trainer: Trainer, device: torch.device) -> None:
        self._strategy = trainer.strategy
        self._device = device

    def largest(self, number: int) -> int:
        """The largest of all ranks' numbers."""
        mine = torch.tensor(float(number), device=self._device)
        return int(self._strategy.reduce(mine, reduce_op="max"))

    def mean(self, mine: Tensor) -> Tensor:
        """The mean of all ranks' tensors, which are equally large."""
        return torch.as_tensor(self._strategy.reduce(mine, reduce_op="mean"))

    def gathered(self, mine: Tensor) -> Tensor:
        """The tensors of all ranks, which are equally large, one after another, where mine lies."""
        everywhere = self._strategy.all_gather(mine.to(self._device))
        return everywhere.flatten().to(mine.device)
