"""What surrounds an optimizer step: its learning rate, and proof that weights moved."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

OptimizerFactory = Callable[[Iterable[nn.Parameter]], Optimizer]

_SAMPLED_ELEMENTS = 4096


def with_configured_rates(optimizer: Optimizer) -> Optimizer:
    """Note in each parameter group the rate it was configured with, which checkpoints then hold."""
    for group in optimizer.param_groups:
        group["configured_lr"] = group["lr"]
    return optimizer


def set_learning_rate(optimizer: Optimizer, factor: float) -> float:
    """Set every group's rate to factor * its configured one; returns the first group's rate."""
    for group in optimizer.param_groups:
        group["lr"] = group["configured_lr"] * factor
    rate: float = optimizer.param_groups[0]["lr"]
    return rate


def sample_parameters(parameters: Sequence[nn.Parameter]) -> list[Tensor]:
    """A copy of up to 4096 evenly spaced elements of each trained parameter."""
    return [_spread(p) for p in parameters if p.requires_grad]


def frac_changed(before: Sequence[Tensor], after: Sequence[Tensor]) -> float:
    """The share in [0, 1] of sampled elements that are not bit for bit what they were."""
    changed = sum(int((a != b).sum()) for a, b in zip(before, after, strict=True))
    return changed / max(sum(a.numel() for a in before), 1)


def _spread(parameter: nn.Parameter) -> Tensor:
    local: Any = parameter.detach()
    local = local.to_local() if hasattr(local, "to_local") else local  # a DTensor's own shard
    flat = local.reshape(-1)
    stride = max(flat.numel() // _SAMPLED_ELEMENTS, 1)
    return torch.clone(flat[::stride])
