"""Samples each step: weights into the engine, completions out of it, scores under way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, cast

import torch
from lightning import Callback, LightningModule, Trainer

from sophia.failures import EngineFailed, together
from sophia.metrics import Max, Mean, Metric
from sophia.protocols import Clock, RolloutEngine, StepScores
from sophia.rewards.composer import RewardComposer
from sophia.rollout.canary import Canary, first_completion
from sophia.rollout.seeds import completion_seed
from sophia.rollout.sync import WeightSync
from sophia.rollout.weights import Policy
from sophia.step import Sampled, StepBatch
from sophia.timing import Timeline
from sophia.types import EncodedPrompt, GenerationRequest, Prompt, Rollout, SamplingParams


class Clocked(Clock, Policy, Protocol):
    """The module that is trained, as far as the callback needs it."""

    def encode_images(self, prompts: Sequence[EncodedPrompt]) -> Sequence[EncodedPrompt]:
        """The prompts, with image features where the trainer knows them for good."""


class RolloutCallback(Callback):
    """Draws the completions of each step before it is trained on, and starts their scoring.

    Args:
        engine: draws the completions.
        composer: scores them, while others are still being generated.
        sampling: how completions are drawn.
        num_generations: how many completions each prompt gets.
        seed: the run's seed, from which each completion has its own.
        sync: brings the policy's weights to the same engine.
    """

    def __init__(
        self,
        *,
        engine: RolloutEngine,
        composer: RewardComposer,
        sampling: SamplingParams,
        num_generations: int,
        seed: int,
        sync: WeightSync,
    ) -> None:
        self._engine = engine
        self._composer = composer
        self._sampling = sampling
        self._num_generations = num_generations
        self._seed = seed
        self._sync = sync
        self._canary = Canary(engine, sync, sampling) if sync.settings.canary else None

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: StepBatch, batch_idx: int
    ) -> None:
        """Push the weights, draw completions, start their scoring, and set ``batch.sampled``."""
        policy = cast("Clocked", pl_module)
        with batch.timeline.phase("image_features"):
            encoded = policy.encode_images(batch.encoded)
        requests = self._requests(batch.prompts, encoded, policy.rl_step)
        pushed = self._push(policy, requests, batch.timeline)
        with batch.timeline.phase("rollout"), together():
            scores = self._composer.open_step(policy.rl_step)
            with self._engine.awake():
                rollouts = self._generate(requests, scores)
        with batch.timeline.phase("sync_proof"):
            compared = self._compare_logps(policy, rollouts)
        metrics = {**pushed, **self._engine.metrics(), **compared}
        batch.sampled = Sampled(rollouts=rollouts, scores=scores, metrics=metrics)

    def _push(
        self, policy: Clocked, requests: Sequence[GenerationRequest], timeline: Timeline
    ) -> dict[str, Metric]:
        """Bring the weights into the engine and prove that they are there, when a push is due."""
        if not self._sync.due(policy.rl_step):
            return {"sync/tensors": Mean.of([0.0])}
        with timeline.phase("weight_sync"):
            tensors = self._sync.push(policy)
        with timeline.phase("sync_proof"):
            if self._canary is not None:
                self._canary.run(policy, requests)
            elements = self._sync.prove(policy, rl_step=policy.rl_step)
        return {"sync/tensors": Mean.of([tensors]), "sync/readback_elements": Mean.of([elements])}

    def _compare_logps(self, policy: Clocked, rollouts: Sequence[Rollout]) -> dict[str, Metric]:
        """Compare one completion's log-probabilities, engine against trainer, when it is due.

        Raises EngineFailed when they are further apart than rounding explains.
        """
        every = self._sync.settings.probe_every_n_steps
        if not every or policy.rl_step % every or not self._sync.due(policy.rl_step):
            return {}
        probe = first_completion(rollouts)
        engine = torch.tensor(probe.completions[0].sampling_logps)
        difference = float((engine - policy.score([probe]).cpu()).abs().max())
        most = self._sync.settings.max_probe_difference
        with together():
            if not difference <= most:  # NaN too
                raise EngineFailed(
                    f"engine and trainer give a token log-probabilities {difference:.2g} apart,"
                    f" above max_probe_difference={most:g}: they do"
                    " not compute the same thing. See docs/vllm.md."
                )
        return {"sync/probe_max_abs_diff": Max.of([difference])}

    def _requests(
        self, prompts: Sequence[Prompt], encoded: Sequence[EncodedPrompt], rl_step: int
    ) -> list[GenerationRequest]:
        return [
            GenerationRequest(
                prompt=prompt,
                encoded=tensors,
                seeds=tuple(
                    completion_seed(self._seed, rl_step, prompt.uid, index)
                    for index in range(self._num_generations)
                ),
            )
            for prompt, tensors in zip(prompts, encoded, strict=True)
        ]

    def _generate(
        self, requests: Sequence[GenerationRequest], scores: StepScores
    ) -> tuple[Rollout, ...]:
        """Rollouts in the order of the prompts, whatever order they finish in."""
        finished: dict[int, Rollout] = {}
        for place, rollout in self._engine.generate(requests, self._sampling):
            scores.submit(place, rollout)
            finished[place] = rollout
        assert len(finished) == len(requests), "the engine lost a request"
        return tuple(finished[place] for place in range(len(requests)))
