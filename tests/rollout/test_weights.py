"""The sync and its proofs, with the engine that needs nothing installed."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from sophia.data.digits import DigitsDataset
from sophia.data.encode import PromptEncoder
from sophia.failures import EngineFailed
from sophia.models.family import is_vision_weight
from sophia.models.load import freeze
from sophia.models.weights import TrainedWeight
from sophia.rollout.canary import Canary
from sophia.rollout.sync import SyncSettings, WeightSync
from sophia.rollout.transformers.engine import TransformersEngine
from sophia.rollout.weights import buckets, by_name, columns, draw_samples
from sophia.types import GenerationRequest, Rollout, SamplingParams
from tests.rollout.synced_policy import SyncedPolicy

SAMPLING = SamplingParams(max_new_tokens=6)


class Deaf(TransformersEngine):
    """Takes weights, and keeps the old ones of a part."""

    part = "nothing"

    def load_weights(self, weights: Iterable[tuple[str, Tensor]]) -> int:
        given = list(weights)
        super().load_weights([w for w in given if self.part not in w[0]])
        return len(given)


@pytest.fixture
def trainer(tiny_folder: Path) -> SyncedPolicy:
    return SyncedPolicy(tiny_folder)


@pytest.fixture
def engine(tiny_folder: Path, encoder: PromptEncoder) -> Deaf:
    return Deaf(
        policy_folder=tiny_folder,
        decode=encoder.decode,
        media_token_ids=encoder.media_token_ids,
        device="cpu",
        max_batch_size=8,
    )


@pytest.fixture
def asked(encoder: PromptEncoder, digits: DigitsDataset) -> list[GenerationRequest]:
    return [GenerationRequest(prompt=digits[0], encoded=encoder(digits[0]), seeds=(1, 2))]


def plain_weight(name: str, value: Tensor) -> TrainedWeight:
    return TrainedWeight(
        name=name, base=value, adapted=None, dtype=value.dtype, device=value.device
    )


def test_buckets_are_bounded_and_complete() -> None:
    weights = [plain_weight(str(n), torch.zeros(n)) for n in (10, 20, 5, 100, 1)]  # 4 bytes each
    got = list(buckets(weights, max_bytes=120))
    assert [[name for name, _ in bucket] for bucket in got] == [["10", "20"], ["5"], ["100"], ["1"]]


def test_columns_of_every_shape() -> None:
    assert columns(torch.arange(4), (1, 3)).tolist() == [[1, 3]]
    assert columns(torch.arange(6).view(2, 3), (2,)).tolist() == [[2], [5]]
    # (2, 1, 2, 2) counts as (2, 4)
    assert columns(torch.arange(8).view(2, 1, 2, 2), (0, 3)).tolist() == [[0, 3], [4, 7]]


def test_samples_hold_text_and_vision_and_change_with_the_step(trainer: SyncedPolicy) -> None:
    weights = by_name(trainer)
    drawn = [
        draw_samples(weights, count=4, num_columns=3, generator=random.Random(step))
        for step in range(5)
    ]
    for samples in drawn:
        assert len({sample.name for sample in samples}) == 4
        assert {is_vision_weight(sample.name) for sample in samples} == {True, False}
    assert len({samples[2].name for samples in drawn}) > 1


def test_a_sync_is_counted_and_read_back(trainer: SyncedPolicy, engine: Deaf) -> None:
    sync = WeightSync(engine, SyncSettings(readback_weights=6, readback_columns=2), seed=0)
    assert sync.due(rl_step=7)
    assert sync.push(trainer) == len(trainer.whole_weights())
    assert engine.weights_version == 1
    assert sync.prove(trainer, rl_step=0) > 6


def test_frozen_weights_stay_out(trainer: SyncedPolicy, engine: Deaf) -> None:
    freeze(trainer.model, ("vision", "projector"))
    sync = WeightSync(engine, SyncSettings(), seed=0)
    assert sync.push(trainer) < 30
    assert sync.prove(trainer, rl_step=0) > 0


def test_a_weight_that_did_not_arrive_is_read_back(trainer: SyncedPolicy, engine: Deaf) -> None:
    sync = WeightSync(engine, SyncSettings(readback_weights=100), seed=0)
    engine.part = "visual.blocks.1."
    with torch.no_grad():
        for value in trainer.whole_weights().values():
            value.add_(1e-6)
    sync.push(trainer)
    with pytest.raises(EngineFailed, match=r"of 'model\.visual\.blocks\.1\..* read back differ"):
        sync.prove(trainer, rl_step=0)


def test_the_frequency_is_a_setting(trainer: SyncedPolicy, engine: Deaf) -> None:
    sync = WeightSync(engine, SyncSettings(every_n_steps=3), seed=0)
    assert sync.due(rl_step=1)  # the engine has nothing of the trainer's yet
    sync.push(trainer)
    assert [step for step in range(7) if sync.due(rl_step=step)] == [0, 3, 6]


def test_the_canary_sings_once_and_leaves_no_trace(
    trainer: SyncedPolicy, engine: Deaf, asked: list[GenerationRequest]
) -> None:
    before = {name: value.clone() for name, value in trainer.whole_weights().items()}
    sync = WeightSync(engine, SyncSettings(), seed=0)
    sync.push(trainer)
    canary = Canary(engine, sync, SAMPLING)
    canary.run(trainer, asked)
    pushes = engine.weights_version
    canary.run(trainer, asked)
    assert engine.weights_version == pushes == 6
    assert all(torch.equal(before[name], value) for name, value in trainer.whole_weights().items())
    assert sync.prove(trainer, rl_step=0) > 0


@pytest.mark.parametrize("part", ["language_model.layers", "visual"])
def test_the_canary_finds_a_deaf_part(
    part: str, trainer: SyncedPolicy, engine: Deaf, asked: list[GenerationRequest]
) -> None:
    engine.part = part
    sync = WeightSync(engine, SyncSettings(), seed=0)
    with pytest.raises(EngineFailed, match=rf"with 'model\.{part}.* does not compute with"):
        Canary(engine, sync, SAMPLING).run(trainer, asked)


class Lost(Deaf):
    """Answers with log-probabilities that are NaN, once it has been sent weights so often."""

    after = 1

    def generate(
        self, requests: Sequence[GenerationRequest], sampling: SamplingParams
    ) -> Iterator[tuple[int, Rollout]]:
        for place, rollout in super().generate(requests, sampling):
            if self.weights_version < self.after:
                yield place, rollout
                continue
            lost = [
                replace(c, sampling_logps=(math.nan,) * len(c.token_ids))
                for c in rollout.completions
            ]
            yield place, replace(rollout, completions=tuple(lost))


@pytest.mark.parametrize("after", [1, 2], ids=["before it is scaled", "when it is scaled"])
def test_the_canary_fails_on_an_engine_that_gives_nan(
    after: int,
    trainer: SyncedPolicy,
    tiny_folder: Path,
    encoder: PromptEncoder,
    asked: list[GenerationRequest],
) -> None:
    lost = Lost(
        policy_folder=tiny_folder,
        decode=encoder.decode,
        media_token_ids=encoder.media_token_ids,
        device="cpu",
        max_batch_size=8,
    )
    lost.after = after
    with pytest.raises(EngineFailed, match=r"the engine gives \d of \d tokens .* NaN or infinite"):
        Canary(lost, WeightSync(lost, SyncSettings(), seed=0), SAMPLING).run(trainer, asked)


class LostPolicy(SyncedPolicy):
    """A trainer whose log-probabilities are infinite."""

    def score(self, rollouts: Sequence[Rollout]) -> Tensor:
        return super().score(rollouts) - math.inf


def test_the_canary_fails_on_a_trainer_that_is_not_finite(
    tiny_folder: Path, engine: Deaf, asked: list[GenerationRequest]
) -> None:
    trainer = LostPolicy(tiny_folder)
    with pytest.raises(EngineFailed, match=r"the trainer gives (\d) of \1 tokens"):
        Canary(engine, WeightSync(engine, SyncSettings(), seed=0), SAMPLING).run(trainer, asked)


def test_settings_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="each must be at least 1"):
        SyncSettings(every_n_steps=0)
