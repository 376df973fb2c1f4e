"""How fast a step was and what it took: ``perf/*``."""

from __future__ import annotations

import resource
import sys
from collections.abc import Mapping
from typing import Any

import torch

from sophia.flops import Flops, ModelShape, Rows, forward_flops, model_shape, peak_flops
from sophia.models.adapters import is_adapter
from sophia.types import TrainBatch

_TRAINING = ("reference", "old", "update")
_GIB = 2**30


class Performance:
    """Rates and memory of steps on this process.

    Args:
        model: the policy.
        rows: layout of batches.
        reference: whether there is a reference pass.
        old: whether there is a pass for old log-probabilities.
        num_iterations: how often a rollout is trained on.
        device: of this process.
    """

    def __init__(
        self,
        model: Any,
        *,
        rows: Rows,
        reference: bool,
        old: bool,
        num_iterations: int,
        device: torch.device,
    ) -> None:
        self._shape: ModelShape = model_shape(model)
        self._rows: Rows = rows
        self._extra = int(reference) + int(old)
        self._num_iterations = num_iterations
        self._backward = backward_cost(model)
        self._cuda = device.type == "cuda"
        self._device = device
        self._peak = peak_flops(torch.cuda.get_device_name(device)) if self._cuda else None

    def metrics(
        self, batch: TrainBatch, timings: Mapping[str, float], *, world_size: int
    ) -> dict[str, float]:
        """Of a step whose phases took ``timings``; ``perf/mfu`` only on a known device."""
        seconds = sum(timings.values())
        rows = {
            # Every process has its own completions; logged is the mean over processes.
            "perf/tokens_per_second": world_size * len(batch.completion_ids) / max(seconds, 1e-9),
            "perf/step_seconds": seconds,
            "perf/host_memory_gib": host_memory_bytes() / _GIB,
        }
        training = sum(timings.get(phase, 0.0) for phase in _TRAINING)
        rate = self.training_flops(batch) / max(training, 1e-9)
        rows["perf/tflops_per_device"] = rate / 1e12
        if self._peak is not None:
            rows["perf/mfu"] = rate / self._peak
        if self._cuda:
            rows["perf/peak_memory_gib"] = torch.cuda.max_memory_allocated(self._device) / _GIB
            rows["perf/reserved_memory_gib"] = torch.cuda.max_memory_reserved(self._device) / _GIB
            torch.cuda.reset_peak_memory_stats(self._device)
        return rows

    def training_flops(self, batch: TrainBatch) -> float:
        """Of reference, old and update passes."""
        forward = forward_flops(self._shape, batch, self._rows)
        extra = self._extra * (forward.text + forward.vision)
        update = forward.text * (1 + self._backward.text)
        update += forward.vision * (1 + self._backward.vision)
        return extra + self._num_iterations * update


def backward_cost(model: Any) -> Flops:
    """In forwards: 2 where weights are trained, 1 where gradients only pass to adapters, or 0."""
    trained = [n for n, p in model.named_parameters() if p.requires_grad]
    vision = any("visual." in n for n in trained)
    adapters = any(is_adapter(n) for n in trained)
    return Flops(text=1.0 if adapters else 2.0, vision=2.0 if vision else 0.0)


def tokens_per_patch(model: Any) -> float:
    """What a patch costs in the vision tower over what a token costs in the decoder.

    Operations with weights, forward and backward; 0 without a tower.
    """
    shape, backward = model_shape(model), backward_cost(model)
    patch = (shape.block_weights + shape.projector_weights / shape.merge) * (1 + backward.vision)
    return patch / (shape.layer_weights * (1 + backward.text))


def host_memory_bytes() -> float:
    """The most that this process has held so far."""
    unit = 1 if sys.platform == "darwin" else 1024
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)
