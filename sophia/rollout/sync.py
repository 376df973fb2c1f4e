"""The weight sync, which proves at every turn that the engine holds the trainer's weights."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor

from sophia.failures import EngineFailed, RunStopped, together
from sophia.protocols import RolloutEngine
from sophia.rollout.weights import (
    WeightSource,
    buckets,
    by_name,
    compare_samples,
    draw_samples,
    gather_samples,
)

_MIB = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncSettings:
    """How weights are pushed to the engine, and how that is proved.

    Args:
        every_n_steps: RL steps between two pushes; above 1 the engine lags behind, and
            algorithm.loss.sampling_correction should be on.
        bucket_mib: how much of sharded weights is gathered at a time, in MiB.
        readback_weights: how many weights are read back in part and compared bit for bit after
            every push; 0 for none.
        readback_columns: how many columns of each of them are read back.
        canary: whether, before the first step, one text and one vision weight are scaled and pushed
            to see the engine's log-probabilities of a completion move as the trainer's do.
        probe_every_n_steps: RL steps between two comparisons of one completion's
            log-probabilities, engine against trainer; 0 for none.
        max_probe_difference: the largest difference of a token's log-probabilities that is taken
            for rounding; above it the run stops.
    """

    every_n_steps: int = 1
    bucket_mib: int = 512
    readback_weights: int = 4
    readback_columns: int = 16
    canary: bool = True
    probe_every_n_steps: int = 10
    max_probe_difference: float = 1.0

    def __post_init__(self) -> None:
        if self.every_n_steps < 1 or self.bucket_mib < 1 or self.readback_columns < 1:
            raise ValueError(
                f"sync settings every_n_steps={self.every_n_steps}, bucket_mib={self.bucket_mib},"
                f" readback_columns={self.readback_columns}: each must be at least 1."
            )
        if self.probe_every_n_steps < 0 or self.readback_weights < 0:
            raise ValueError(
                f"sync settings probe_every_n_steps={self.probe_every_n_steps}, readback_weights="
                f"{self.readback_weights}: neither may be below 0, which is off."
            )


class WeightSync:
    """The one way of weights to an engine: every push is counted, versioned and read back.

    A run has one, whoever pushes. Every process takes part in every call, and where one has to stop
    all of them do.

    Args:
        engine: the engine that gets the weights.
        settings: how often weights are pushed, and what is proved.
        seed: the run's seed, which decides with the RL step which weights are read back.
    """

    def __init__(self, engine: RolloutEngine, settings: SyncSettings, *, seed: int) -> None:
        self.settings = settings
        self._engine = engine
        self._seed = seed

    def due(self, rl_step: int) -> bool:
        """Whether this step begins with a push; a run that goes on always pushes first."""
        return self._engine.weights_version == 0 or rl_step % self.settings.every_n_steps == 0

    def push_and_prove(self, source: WeightSource, *, rl_step: int) -> None:
        """Push, then prove: for those who want the weights in the engine and no figures."""
        self.push(source)
        self.prove(source, rl_step=rl_step)

    def push(self, source: WeightSource) -> int:
        """Send every trained weight; returns how many. Raises EngineFailed if some got lost."""
        stream = self._stream(source)
        with together():
            try:
                return self._send(stream, expected=sum(1 for _ in source.trained_weights()))
            except RunStopped:
                for _ in stream:  # the other processes still gather these
                    pass
                raise

    def prove(self, source: WeightSource, *, rl_step: int) -> int:
        """Read some weights back, others at every step; returns how many elements were compared."""
        if not self.settings.readback_weights:
            return 0
        weights = by_name(source)
        samples = draw_samples(
            weights,
            count=self.settings.readback_weights,
            num_columns=self.settings.readback_columns,
            generator=random.Random(f"{self._seed}/{rl_step}"),
        )
        mine = gather_samples(weights, samples, self._engine.dtype)  # before anything can fail
        with together():
            return compare_samples(samples, mine, self._engine.read_weights(samples))

    def _send(self, stream: Iterator[tuple[str, Tensor]], *, expected: int) -> int:
        before = self._engine.weights_version
        taken = self._engine.load_weights(stream)
        version = self._engine.weights_version
        if taken != expected or version != before + 1:
            raise EngineFailed(
                f"weight sync: the trainer has {expected} trained weights, the engine took {taken},"
                f" and its version went from {before} to {version}; expected {before + 1}."
            )
        return taken

    def _stream(self, source: WeightSource) -> Iterator[tuple[str, Tensor]]:
        for bucket in buckets(source.trained_weights(), self.settings.bucket_mib * _MIB):
            yield from bucket
