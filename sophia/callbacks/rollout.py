"""Fills each step: weights into the engine, completions out of it, scores under way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, cast

import torch
from lightning import Callback, LightningModule, Trainer

from sophia.failures import EngineFailed, together
from sophia.metrics import Max, Mean
from sophia.protocols import Clock, RolloutEngine, StepScores
from sophia.rewards.composer import RewardComposer
from sophia.rollout.canary import Canary, first_completion
from sophia.rollout.seeds import completion_seed
from sophia.rollout.sync import WeightSync
from sophia.rollout.weights import Policy
from sophia.types import EncodedPrompt, GenerationRequest, Rollout, SamplingParams, StepBatch


class Clocked(Clock, Policy, Protocol):
    """What the callback needs of the module."""

    def encode_images(self, prompts: Sequence[EncodedPrompt]) -> Sequence[EncodedPrompt]:
        """The prompts, with image features where the trainer knows them for good."""


class RolloutCallback(Callback):
    """Generates before each training step.

    Args:
        engine: draws the completions.
        composer: scores them, while others are still being generated.
        sampling: how they are drawn.
        num_generations: per prompt.
        seed: of the run.
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
        self._sync = sync
        self._canary = Canary(engine, sync, sampling) if sync.settings.canary else None

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Fill the step."""
        policy = cast("Clocked", pl_module)
        with batch.timeline.phase("image_features"):
            batch.encoded = tuple(policy.encode_images(batch.encoded))
        requests = self._requests(batch, policy.rl_step)
        self._push(policy, batch, requests)
        with batch.timeline.phase("rollout"), together():
            scores = self._composer.open_step(policy.rl_step)
            with self._engine.awake():
                rollouts = self._generate(requests, scores)
        batch.metrics |= self._engine.metrics()
        batch.fill(rollouts, scores)
        with batch.timeline.phase("sync_proof"):
            self._compare_logps(policy, batch)

    def _push(
        self, policy: Clocked, batch: StepBatch, requests: Sequence[GenerationRequest]
    ) -> None:
        """Weights into the engine, and the proof that they are there."""
        if not self._sync.due(policy.rl_step):
            batch.metrics["sync/tensors"] = Mean.of([0.0])
            return
        with batch.timeline.phase("weight_sync"):
            batch.metrics["sync/tensors"] = Mean.of([self._sync.push(policy)])
        with batch.timeline.phase("sync_proof"):
            if self._canary is not None:
                self._canary.run(policy, requests)
            elements = self._sync.prove(policy, rl_step=policy.rl_step)
        batch.metrics["sync/readback_elements"] = Mean.of([elements])

    def _compare_logps(self, policy: Clocked, batch: StepBatch) -> None:
        """One completion's log-probabilities, engine against trainer, when their turn has come."""
        every = self._sync.settings.probe_every_n_steps
        if not every or policy.rl_step % every or not self._sync.due(policy.rl_step):
            return
        probe = first_completion(batch.rollouts)
        engine = torch.tensor(probe.completions[0].sampling_logps)
        difference = float((engine - policy.score([probe]).cpu()).abs().max())
        batch.metrics["sync/probe_max_abs_diff"] = Max.of([difference])
        most = self._sync.settings.max_probe_difference
        with together():
            if difference > most:
                raise EngineFailed(
                    f"engine and trainer give a token log-probabilities {difference:.2g} apart,"
                    f" above max_probe_difference={most:g}: they do"
                    " not compute the same thing. See docs/vllm.md."
                )

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
