"""How fast a step was and what it took: ``perf/*``."""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sophia.measure.flops import Flops, ModelShape, forward_flops, model_shape, peak_flops
from sophia.metrics import Max, Mean, Metric
from sophia.models.adapters import is_adapter
from sophia.models.family import tower_of
from sophia.types import RowsKind, TrainBatch

_TRAINING = ("reference", "old", "update")
_GIB = 2**30
_STATM = Path("/proc/self/statm")  # pages: total, resident, ...


class Performance:
    """Rates and memory of steps on this process.

    Args:
        model: the policy, a Hugging Face model.
        rows: how batches are laid out, which decides what is computed twice.
        reference: whether a step has a forward of the reference.
        old: whether a step has a forward for the old log-probabilities.
        num_iterations: how often a rollout is trained on.
        device: where this process computes.
    """

    def __init__(
        self,
        model: Any,
        *,
        rows: RowsKind,
        reference: bool,
        old: bool,
        num_iterations: int,
        device: torch.device,
    ) -> None:
        self._shape: ModelShape = model_shape(model)
        self._rows: RowsKind = rows
        self._extra = int(reference) + int(old)
        self._num_iterations = num_iterations
        self._backward = backward_cost(model)
        self._cuda = device.type == "cuda"
        self._device = device
        self._peak = peak_flops(torch.cuda.get_device_name(device)) if self._cuda else None

    def metrics(
        self,
        batch: TrainBatch,
        spans: Sequence[tuple[int, int]],
        timings: Mapping[str, float],
        *,
        updated: TrainBatch,
        world_size: int,
    ) -> dict[str, Metric]:
        """``perf/*`` of a step whose phases took ``timings`` (s); ``perf/mfu`` on a known device.

        ``spans`` are the (start, stop) of the completions that went through the model together,
        ``updated`` the part of the batch that did so in the update too.
        """
        seconds = sum(timings.values())
        training = sum(timings.get(phase, 0.0) for phase in _TRAINING)
        rate = self.training_flops(batch, updated) / max(training, 1e-9)
        means = {
            # Every process has its own completions; logged is the mean over processes.
            "perf/tokens_per_second": world_size * len(batch.completion_ids) / max(seconds, 1e-9),
            "perf/step_seconds": seconds,
            "perf/padding_share": self._padding_share(batch, spans),
            "perf/tflops_per_device": rate / 1e12,
        }
        resident = resident_bytes()
        if resident is not None:
            means["perf/host_resident_gib"] = resident / _GIB
        if self._peak is not None:
            means["perf/mfu"] = rate / self._peak
        peaks = {"perf/host_memory_gib": host_memory_bytes(), **self._device_peaks()}
        return {
            **{name: Mean.of([value]) for name, value in means.items()},
            **{name: Max.of([value / _GIB]) for name, value in peaks.items()},
        }

    def _device_peaks(self) -> dict[str, int]:
        """The most bytes of GPU memory since this was last asked; counting begins anew."""
        if not self._cuda:
            return {}
        peaks = {
            "perf/peak_memory_gib": torch.cuda.max_memory_allocated(self._device),
            "perf/reserved_memory_gib": torch.cuda.max_memory_reserved(self._device),
        }
        torch.cuda.reset_peak_memory_stats(self._device)
        return peaks

    def training_flops(self, batch: TrainBatch, updated: TrainBatch) -> float:
        """Operations of a step's reference and old passes over a batch, and of its updates."""
        forward = forward_flops(self._shape, batch, self._rows)
        extra = self._extra * (forward.text + forward.vision)
        again = forward_flops(self._shape, updated, self._rows)
        update = again.text * (1 + self._backward.text)
        update += again.vision * (1 + self._backward.vision)
        return extra + self._num_iterations * update

    def _padding_share(self, batch: TrainBatch, spans: Sequence[tuple[int, int]]) -> float:
        if self._rows == "shared":  # packed: nothing is padded
            return 0.0
        sizes = sequence_sizes(batch)
        return padding_share([sizes[a:b] for a, b in spans])


def backward_cost(model: Any) -> Flops:
    """What a backward costs, in forwards.

    For the language model 2, or 1 where gradients only pass through it to adapters; for the vision
    tower 2 where its encoder is trained, else 0.
    """
    trained = [n for n, p in model.named_parameters() if p.requires_grad]
    # The projector alone is little, and sends no gradient into the tower.
    tower = tower_of(model.config)
    vision = tower is not None and any(tower.is_encoder(name) for name in trained)
    adapters = any(is_adapter(n) for n in trained)
    return Flops(text=1.0 if adapters else 2.0, vision=2.0 if vision else 0.0)


def tokens_per_patch(model: Any) -> float:
    """What a patch costs in the vision tower over what a token costs in the decoder.

    A ratio of operations with weights, in forward and backward; 0 without a tower.
    """
    shape, backward = model_shape(model), backward_cost(model)
    patch = (shape.block_weights + shape.projector_weights / shape.merge) * (1 + backward.vision)
    return patch / max(shape.layer_weights * (1 + backward.text), 1.0)


def sequence_sizes(batch: TrainBatch) -> Tensor:
    """(B,) tokens of each completion and its prompt."""
    prompts = torch.tensor([len(prompt.prompt_ids) for prompt in batch.prompts])
    return prompts[batch.group_ids] + batch.lengths


def padding_share(micro_batches: Iterable[Tensor]) -> float:
    """Share in [0, 1) of computed positions that hold no token.

    ``micro_batches`` are the sizes of the sequences that are padded to the longest among them.
    """
    sizes = list(micro_batches)
    computed = sum(len(micro) * int(micro.max()) for micro in sizes)
    return 1.0 - sum(int(micro.sum()) for micro in sizes) / computed


def host_memory_bytes() -> float:
    """The most bytes of the host's memory that this process has held so far."""
    unit = 1 if sys.platform == "darwin" else 1024
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)


def resident_bytes() -> float | None:
    """Bytes of the host's memory that this process holds now; None where no system tells."""
    if not _STATM.is_file():
        return None
    return float(int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE"))
