"""Weights on their way from trainer to engine: whole, in bounded buckets, and compared bit for bit.

Shapes: K columns of a weight.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

import torch
from torch import Tensor

from sophia.failures import EngineFailed
from sophia.models.family import is_vision_weight
from sophia.models.weights import TrainedWeight
from sophia.types import Rollout, WeightSample


class WeightSource(Protocol):
    """What has weights that an engine should hold."""

    def trained_weights(self) -> Iterator[TrainedWeight]:
        """The weights that training changes, in one order on all processes; not gathered yet."""


class Policy(WeightSource, Protocol):
    """A source of weights that can also say what they compute."""

    def score(self, rollouts: Sequence[Rollout]) -> Tensor:
        """Log-probs (N,) of all N tokens of the rollouts, at the sampling temperature."""


def buckets(weights: Iterable[TrainedWeight], max_bytes: int) -> Iterator[list[tuple[str, Tensor]]]:
    """Names and whole tensors, gathered where they are sharded, at most ``max_bytes`` at a time.

    One tensor that is larger makes a bucket of its own. Every rank must walk through all of them:
    gathering is a collective.
    """
    bucket: list[tuple[str, Tensor]] = []
    size = 0
    for weight in weights:
        if bucket and size + weight.num_bytes > max_bytes:
            yield bucket
            bucket, size = [], 0
        bucket.append((weight.name, weight.whole()))
        size += weight.num_bytes
    if bucket:
        yield bucket


def columns(value: Tensor, wanted: Sequence[int]) -> Tensor:
    """The wanted columns: (rows, K) of a weight seen as (first, rest), (1, K) of a vector."""
    matrix = value[None] if value.ndim == 1 else value.flatten(1)
    return matrix[:, torch.tensor(wanted, device=value.device)]


def by_name(source: WeightSource) -> dict[str, TrainedWeight]:
    """The trained weights by their Hugging Face names, not gathered."""
    return {weight.name: weight for weight in source.trained_weights()}


def draw_samples(
    weights: Mapping[str, TrainedWeight],
    *,
    count: int,
    num_columns: int,
    generator: random.Random,
) -> list[WeightSample]:
    """Up to ``num_columns`` columns of each of ``count`` weights, drawn by the generator.

    Of text and of vision weights there is at least one each, if there are any.
    """
    names = list(weights)
    vision = [name for name in names if is_vision_weight(name)]
    text = [name for name in names if not is_vision_weight(name)]
    picked = [generator.choice(group) for group in (vision, text) if group]
    rest = [name for name in names if name not in picked]
    picked += generator.sample(rest, max(min(count - len(picked), len(rest)), 0))
    samples = []
    for name in picked:
        shape = weights[name].shape
        width = shape[0] if len(shape) == 1 else shape[1:].numel()
        places = generator.sample(range(width), min(num_columns, width))
        samples.append(WeightSample(name=name, columns=tuple(places)))
    return samples


def gather_samples(
    weights: Mapping[str, TrainedWeight], samples: Sequence[WeightSample], dtype: torch.dtype
) -> list[Tensor]:
    """Columns (rows, K) of each sample as the trainer holds them, rounded to ``dtype``, on the CPU.

    Every process must call this with the same samples.
    """
    return [
        columns(weights[sample.name].whole(), sample.columns).to(dtype).cpu() for sample in samples
    ]


def compare_samples(
    samples: Sequence[WeightSample], trainers: Sequence[Tensor], engines: Sequence[Tensor]
) -> int:
    """Compare (rows, K) columns of trainer and engine bit for bit; returns how many elements.

    Raises EngineFailed naming the first weight that differs.
    """
    compared = 0
    for sample, mine, got in zip(samples, trainers, engines, strict=True):
        held = got.cpu().to(mine.dtype)
        if mine.shape != held.shape or not torch.equal(mine, held):
            raise EngineFailed(_difference(sample.name, mine, held))
        compared += mine.numel()
    return compared


def _difference(name: str, mine: Tensor, held: Tensor) -> str:
    if mine.shape != held.shape:
        return f"the engine holds {name!r} as {tuple(held.shape)}, the trainer {tuple(mine.shape)}."
    wrong = int((mine != held).sum())
    return (
        f"the engine does not hold the trainer's weights: of {name!r}, {wrong} of {mine.numel()}"
        " elements read back differ. The sync is broken; completions would come from another"
        " policy."
    )
