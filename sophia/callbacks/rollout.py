"""Fills each step: weights into the engine, completions out of it, scores under way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol, cast

from lightning import Callback, LightningModule, Trainer
from torch import Tensor

from sophia.rewards.composer import RewardComposer
from sophia.rollout.seeds import completion_seed
from sophia.timing import timed
from sophia.types import (
    GenerationRequest,
    Rollout,
    RolloutEngine,
    SamplingParams,
    StepBatch,
    StepScores,
)


class Policy(Protocol):
    """What the callback needs of the module."""

    rl_step: int

    def named_weights(self) -> Iterator[tuple[str, Tensor]]:
        """Trained weights under Hugging Face names."""


class RolloutCallback(Callback):
    """Generates before each training step.

    Args:
        engine: draws the completions.
        composer: scores them, while others are still being generated.
        sampling: how they are drawn.
        num_generations: per prompt.
        seed: of the run.
    """

    def __init__(
        self,
        *,
        engine: RolloutEngine,
        composer: RewardComposer,
        sampling: SamplingParams,
        num_generations: int,
        seed: int,
    ) -> None:
        if num_generations < 2:
            raise ValueError(
                f"num_generations is {num_generations}; a group needs at least 2 completions to"
                " be compared, usual is 8."
            )
        self._engine = engine
        self._composer = composer
        self._sampling = sampling
        self._num_generations = num_generations
        self._seed = seed

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Fill the step."""
        policy = cast("Policy", pl_module)
        with timed(batch.timings, "weight_sync"):
            self._engine.load_weights(policy.named_weights())
        scores = self._composer.open_step(policy.rl_step)
        with timed(batch.timings, "rollout"), self._engine.awake():
            rollouts = self._generate(self._requests(batch, policy.rl_step), scores)
        batch.fill(rollouts, scores)

    def _requests(self, batch: StepBatch, rl_step: int) -> list[GenerationRequest]:
        return [
            GenerationRequest(
                prompt=prompt,
                encoded=encoded,
                seeds=tuple(
                    completion_seed(self._seed, rl_step, prompt.uid, index)
                    for index in range(self._num_generations)
                ),
            )
            for prompt, encoded in zip(batch.prompts, batch.encoded, strict=True)
        ]

    def _generate(self, requests: Sequence[GenerationRequest], scores: StepScores) -> list[Rollout]:
        """Rollouts in the order of the prompts, whatever order they finish in."""
        places = {id(request.encoded): place for place, request in enumerate(requests)}
        finished: dict[int, Rollout] = {}
        for rollout in self._engine.generate(requests, self._sampling):
            scores.submit(rollout)
            finished[places[id(rollout.encoded)]] = rollout
        assert len(finished) == len(requests), "the engine lost a request"
        return [finished[place] for place in range(len(requests))]
