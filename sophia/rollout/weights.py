"""Weights on their way from trainer to engine: whole, in bounded buckets, and compared bit for bit.

Shapes: K columns of a weight.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

import torch
from torch import Tensor

from sophia.failures import EngineFailed
from sophia.models.family import is_vision_weight
from sophia.protocols import RolloutEngine
from sophia.types import Rollout, WeightSample

Weights = Iterable[tuple[str, Tensor]]


class Policy(Protocol):
    """What a sync needs of the trainer."""

    def named_weights(self) -> Iterator[tuple[str, Tensor]]:
        """Trained weights under Hugging Face names, sharded ones as they are."""

    def score(self, rollouts: Sequence[Rollout]) -> Tensor:
        """(N,) log-probs of all tokens of the rollouts, at the sampling temperature."""


def buckets(weights: Weights, max_bytes: int) -> Iterator[list[tuple[str, Tensor]]]:
    """Whole tensors, gathered where they are sharded, at most ``max_bytes`` at a time.

    One tensor that is larger makes a bucket of its own. Every rank must walk through all of them:
    gathering is a collective.
    """
    bucket: list[tuple[str, Tensor]] = []
    size = 0
    for name, value in weights:
        num_bytes = value.numel() * value.element_size()
        if bucket and size + num_bytes > max_bytes:
            yield bucket
            bucket, size = [], 0
        bucket.append((name, whole(value)))
        size += num_bytes
    if bucket:
        yield bucket


def whole(value: Tensor) -> Tensor:
    """The tensor, or the gathered one of a sharded tensor."""
    gather: Callable[[], Tensor] | None = getattr(value, "full_tensor", None)
    return value if gather is None else gather()


def columns(value: Tensor, wanted: Sequence[int]) -> Tensor:
    """(rows, K) of a weight as (first, rest); (1, K) of a vector."""
    matrix = value[None] if value.ndim == 1 else value.flatten(1)
    return matrix[:, torch.tensor(wanted, device=value.device)]


def is_vision(name: str) -> bool:
    """Whether a weight belongs to the vision tower or its projector."""
    return is_vision_weight(name)


def draw_samples(
    weights: dict[str, Tensor], *, count: int, num_columns: int, generator: random.Random
) -> list[WeightSample]:
    """Columns of ``count`` weights; of text and vision at least one each, if there are any."""
    names = list(weights)
    vision = [name for name in names if is_vision(name)]
    text = [name for name in names if not is_vision(name)]
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


def read_back(
    engine: RolloutEngine, weights: dict[str, Tensor], samples: list[WeightSample]
) -> int:
    """Compare the engine's columns with the trainer's, bit for bit; returns how many elements.

    Raises EngineFailed naming the first weight that differs.
    """
    compared = 0
    for sample, got in zip(samples, engine.read_weights(samples), strict=True):
        mine = columns(whole(weights[sample.name]), sample.columns).to(engine.dtype).cpu()
        held = got.cpu().to(mine.dtype) if got.dtype != mine.dtype else got.cpu()
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


def named(policy: Policy) -> dict[str, Tensor]:
    """The trained weights by name, not gathered."""
    return dict(policy.named_weights())
