"""What makes the arithmetic of a run come out wrong."""

from __future__ import annotations

from typing import Any, cast

import torch
from lightning import Callback, LightningModule, Trainer


def make_infinite(parameter: torch.Tensor) -> None:
    """Of a gradient, when it is there."""
    assert parameter.grad is not None
    parameter.grad.mul_(float("inf"))


class Poison(Callback):
    """Makes the gradients of some steps infinite, and keeps weights and moments after each step."""

    def __init__(self, *steps: int) -> None:
        self._steps = steps
        self._hook: Any = None
        self.states: list[list[torch.Tensor]] = []

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        if cast("Any", pl_module).rl_step in self._steps:
            parameters = pl_module.named_parameters()
            weight: Any = next(p for n, p in parameters if "language_model.norm" in n)
            self._hook = weight.register_post_accumulate_grad_hook(make_infinite)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if self._hook is not None:
            self._hook.remove()
            self._hook = None
        moments = [v for state in trainer.optimizers[0].state.values() for v in state.values()]
        held = [*pl_module.parameters(), *moments]
        self.states.append([torch.as_tensor(one).detach().clone() for one in held])


class LoseReference(Callback):
    """Makes every weight of the reference NaN."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        for parameter in cast("Any", pl_module)._reference[0].parameters():
            parameter.data.fill_(torch.nan)


def make_zero(parameter: torch.Tensor) -> None:
    """Of a gradient, when it is there."""
    assert parameter.grad is not None
    parameter.grad.zero_()


class NoGradient(Callback):
    """Every gradient comes out as 0."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        for parameter in pl_module.parameters():
            if parameter.requires_grad:
                cast("Any", parameter).register_post_accumulate_grad_hook(make_zero)
