"""Sampling a step: requests, their places, and what is measured of it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, cast

import pytest
import torch
from lightning import LightningModule, Trainer
from torch import Tensor

from sophia.callbacks.rollout import RolloutCallback
from sophia.metrics import Mean, values
from sophia.rewards.composer import RewardComposer
from sophia.rewards.format import FormatRule
from sophia.rewards.outcome import OutcomeReward
from sophia.rollout.sync import SyncSettings
from sophia.schedules import Constant
from sophia.step import StepBatch
from sophia.types import EncodedPrompt, GenerationRequest, Rollout, SamplingParams, WeightSample
from tests.builders import RIGHT, WRONG, TableJudge, completion, encoded, prompt

SYNC = SyncSettings(canary=False, readback_weights=0, probe_every_n_steps=0)


class BackwardsEngine:
    """Finishes the last request first; the answer to the prompt at place p is p, p times wrong."""

    dtype = torch.float32
    weights_version = 0
    num_lost = 0

    def load_weights(self, weights: Iterable[tuple[str, Tensor]]) -> int:
        self.weights_version += 1
        return len(list(weights))

    def read_weights(self, samples: Sequence[WeightSample]) -> list[Tensor]:
        return []

    def generate(
        self, requests: Sequence[GenerationRequest], sampling: SamplingParams
    ) -> Iterator[tuple[int, Rollout]]:
        for place in reversed(range(self.num_lost, len(requests))):
            request = requests[place]
            texts = [WRONG] * place + [RIGHT] * (len(request.seeds) - place)
            answers = zip(texts, request.seeds, strict=True)
            completions = tuple(completion(text, seed=seed) for text, seed in answers)
            yield (
                place,
                Rollout(prompt=request.prompt, encoded=request.encoded, completions=completions),
            )

    def metrics(self) -> dict[str, Mean]:
        return {"engine/cached_prompt_share": Mean.of([0.5])}

    @contextlib.contextmanager
    def awake(self) -> Iterator[None]:
        yield


class Policy:
    """A trainer with one weight."""

    rl_step = 3

    def named_weights(self) -> Iterator[tuple[str, Tensor]]:
        yield "weight", torch.ones(1)

    def score(self, rollouts: Sequence[Rollout]) -> Tensor:
        raise AssertionError("there is no probe here")

    def encode_images(self, prompts: Sequence[EncodedPrompt]) -> Sequence[EncodedPrompt]:
        return prompts


def sample(batch: StepBatch, engine: BackwardsEngine) -> None:
    composer = RewardComposer(
        annealing=Constant(value=0.0), judge=TableJudge({}), outcome=OutcomeReward(),
        format=FormatRule(), format_mode="gate", format_weight=0.0, thinking=None, trust=False,
        extra={},
    )  # fmt: skip
    callback = RolloutCallback(
        engine=engine, composer=composer, sampling=SamplingParams(max_new_tokens=3),
        num_generations=4, seed=0, sync=SYNC,
    )  # fmt: skip
    policy = cast("LightningModule", cast("Any", Policy()))
    with contextlib.closing(composer):
        callback.on_train_batch_start(cast("Trainer", None), policy, batch, 0)
        batch.sampled.scores.collect()


def test_rollouts_and_groups_are_in_the_order_of_the_prompts() -> None:
    same = encoded()  # one object for all prompts: places tell them apart, not identities
    batch = StepBatch([prompt(uid=f"p{i}") for i in range(4)], [same] * 4)
    sample(batch, BackwardsEngine())
    sampled = batch.sampled
    assert [r.prompt.uid for r in sampled.rollouts] == ["p0", "p1", "p2", "p3"]
    groups = sampled.scores.collect()
    assert [group.rollout for group in groups] == list(sampled.rollouts)
    assert [sum(r.total or 0.0 for r in group.rewards) for group in groups] == [4, 3, 2, 1]
    assert len({c.seed for r in sampled.rollouts for c in r.completions}) == 16


def test_metrics_of_sampling_are_those_of_sync_and_engine() -> None:
    batch = StepBatch([prompt()], [encoded()])
    sample(batch, BackwardsEngine())
    assert values(batch.sampled.metrics) == {
        "sync/tensors": 1.0, "sync/readback_elements": 0.0, "engine/cached_prompt_share": 0.5,
    }  # fmt: skip
    assert list(batch.timeline.seconds) == [
        "image_features",
        "weight_sync",
        "sync_proof",
        "rollout",
    ]


def test_a_lost_request_is_noticed() -> None:
    engine = BackwardsEngine()
    engine.num_lost = 1
    with pytest.raises(AssertionError, match="lost a request"):
        sample(StepBatch([prompt()] * 2, [encoded()] * 2), engine)
