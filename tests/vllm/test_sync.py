"""The proofs of the weight sync catch what they are there for; nothing here is simulated.

Faults are put into the real engine by the classes below, each breaking one thing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from sophia.data.digits import DigitsDataset
from sophia.data.encode import PromptEncoder
from sophia.failures import EngineFailed
from sophia.rollout.canary import Canary, engine_logps
from sophia.rollout.sync import SyncSettings, WeightSync
from sophia.rollout.vllm.engine import VLLMEngine
from sophia.types import GenerationRequest, SamplingParams
from tests.builders import generated
from tests.rollout.synced_policy import SyncedPolicy
from tests.vllm.conftest import make_engine
from tests.vllm.test_generate import request, with_images

SAMPLING = SamplingParams(max_new_tokens=8)
GREEDY = SamplingParams(max_new_tokens=12, temperature=0.0)
SYNC = SyncSettings(readback_weights=8, bucket_mib=1)


class Trainer(SyncedPolicy):
    """One that learns, too."""

    def step(self, lr: float, seed: int = 0) -> None:
        """What AdamW does in its first steps: every weight moves by lr."""
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for value in self.whole_weights().values():
                sign = torch.rand(value.shape, generator=generator) < 0.5
                value.add_(torch.where(sign, lr, -lr))


class FaultyEngine(VLLMEngine):
    """The real engine, whose ``fault`` a test may set."""

    fault = ""

    def load_weights(self, weights: Iterable[tuple[str, Tensor]]) -> int:
        given = list(weights)
        if self.fault == "skipped":  # says that it has taken them
            self._version += 1
            return len(given)
        sent = list(given)
        if self.fault == "bucket":
            sent = [w for w in given if ".layers.1." not in w[0]]
        elif self.fault == "vision":
            sent = [w for w in given if "visual." not in w[0]]
        super().load_weights(sent)
        return len(given)

    def _forget(self, llm: Any) -> None:
        if self.fault == "prefix cache":
            llm.llm_engine.reset_encoder_cache()
            llm.llm_engine.reset_mm_cache()
        elif self.fault == "encoder cache":
            llm.reset_prefix_cache()
        else:
            super()._forget(llm)


@pytest.fixture(scope="module")
def exact(folder: Path) -> FaultyEngine:
    engine = make_engine(folder, kind=FaultyEngine)
    assert isinstance(engine, FaultyEngine)
    return engine


@pytest.fixture(scope="module")
def rounded(folder: Path) -> FaultyEngine:
    engine = make_engine(folder, kind=FaultyEngine, dtype="bfloat16")
    assert isinstance(engine, FaultyEngine)
    return engine


@pytest.fixture
def trainer(folder: Path, exact: FaultyEngine) -> Iterator[Trainer]:
    """As the folder; afterwards the engine holds the folder's weights again."""
    yield Trainer(folder)
    exact.fault = ""
    exact.load_weights(Trainer(folder).whole_weights().items())


@pytest.fixture
def image_requests(vllm_encoder: PromptEncoder, digits: DigitsDataset) -> list[GenerationRequest]:
    return [request(vllm_encoder, digits[i], samples=1) for i in range(4)]


def greedy(engine: VLLMEngine, asked: Sequence[GenerationRequest]) -> dict[str, tuple[int, ...]]:
    return {r.prompt.uid: r.completions[0].token_ids for r in generated(engine, asked, GREEDY)}


def plain_greedy(
    trainer: Trainer, asked: Sequence[GenerationRequest], banned: Sequence[int]
) -> dict[str, tuple[int, ...]]:
    """What Hugging Face generate gives under the trainer's weights."""
    answers = {}
    for one in asked:
        ids = one.encoded.prompt_ids[None]
        generated = trainer.model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            mm_token_type_ids=one.encoded.mm_token_type_ids[None],
            pixel_values=one.encoded.pixel_values,
            image_grid_thw=one.encoded.image_grid_thw,
            max_new_tokens=12,
            do_sample=False,
            suppress_tokens=list(banned),
        )
        answers[one.prompt.uid] = tuple(generated[0, ids.shape[1] :].tolist())
    return answers


def test_greedy_is_hugging_faces_before_and_after_updates(
    exact: FaultyEngine,
    trainer: Trainer,
    vllm_encoder: PromptEncoder,
    image_requests: list[GenerationRequest],
) -> None:
    long = request(vllm_encoder, with_images("long", (560, 280)), samples=1)
    asked = [*image_requests, long]
    banned = vllm_encoder.media_token_ids
    sync, seen = WeightSync(exact, SYNC, seed=0), []
    for update in range(3):
        trainer.step(lr=0.02 * update, seed=update)
        sync.push(trainer)
        sync.prove(trainer, rl_step=update)
        seen.append(greedy(exact, asked))
        assert seen[-1] == plain_greedy(trainer, asked, banned)
    assert seen[0] != seen[1] != seen[2]


def test_every_weight_is_read_back(exact: FaultyEngine, trainer: Trainer) -> None:
    trainer.step(lr=0.01)
    sync = WeightSync(exact, SyncSettings(readback_weights=1000, readback_columns=2000), seed=0)
    names = trainer.whole_weights()
    assert sync.push(trainer) == len(names)
    assert sync.prove(trainer, rl_step=0) == sum(value.numel() for value in names.values())


@pytest.mark.parametrize("step", range(3))
def test_a_skipped_sync_at_lr_5e_7_in_bfloat16_is_caught(
    step: int, folder: Path, rounded: FaultyEngine
) -> None:
    trainer = Trainer(folder)
    sync = WeightSync(rounded, SyncSettings(), seed=step)  # the shipped settings
    rounded.fault = ""
    sync.push(trainer)
    sync.prove(trainer, rl_step=step)
    trainer.step(lr=5e-7)
    rounded.fault = "skipped"
    sync.push(trainer)
    with pytest.raises(EngineFailed, match="elements read back differ"):
        sync.prove(trainer, rl_step=step)
    rounded.fault = ""


def test_a_skipped_bucket_is_caught(exact: FaultyEngine, trainer: Trainer) -> None:
    sync = WeightSync(exact, SYNC, seed=0)
    trainer.step(lr=1e-3)
    exact.fault = "bucket"
    sync.push(trainer)
    caught = []
    for rl_step in range(8):  # each step reads others back
        try:
            sync.prove(trainer, rl_step=rl_step)
        except EngineFailed as failure:
            caught.append(str(failure))
    assert len(caught) >= 7
    assert all(".layers.1." in message for message in caught)


def test_a_lost_tensor_is_counted(folder: Path, exact: FaultyEngine, trainer: Trainer) -> None:
    class Losing(FaultyEngine):
        def load_weights(self, weights: Iterable[tuple[str, Tensor]]) -> int:
            return exact.load_weights(list(weights)[:-1])

        @property
        def weights_version(self) -> int:
            return exact.weights_version

    losing = make_engine(folder, kind=Losing)
    with pytest.raises(EngineFailed, match=r"has 56 trained weights, the engine took 55"):
        WeightSync(losing, SYNC, seed=0).push(trainer)


@pytest.mark.parametrize("fault", ["skipped", "vision"])
def test_the_canary_finds_weights_that_do_not_arrive(
    fault: str, exact: FaultyEngine, trainer: Trainer, image_requests: list[GenerationRequest]
) -> None:
    exact.fault = fault
    canary = Canary(exact, WeightSync(exact, SYNC, seed=0), SAMPLING)
    part = r"visual\." if fault == "vision" else "language_model"
    with pytest.raises(
        EngineFailed, match=rf"with 'model\.{part}.*does not compute with the weights it is sent"
    ):
        canary.run(trainer, image_requests)


@pytest.mark.parametrize("fault", ["prefix cache", "encoder cache"])
def test_the_canary_finds_stale_caches(
    fault: str, exact: FaultyEngine, trainer: Trainer, vllm_encoder: PromptEncoder
) -> None:
    """Read-back cannot: the weights are right, what was computed with the old ones is not."""
    long = request(vllm_encoder, with_images(f"stale {fault}", (560, 280)))
    assert len(long.encoded.prompt_ids) > 200
    exact.fault = fault
    sync = WeightSync(exact, SYNC, seed=0)
    # Of the encoder's cache vLLM itself misses half, which the runner drops and the scheduler does
    # not.
    found = "does not compute with the weights it is sent|Encoder cache miss"
    with pytest.raises(EngineFailed, match=found):
        Canary(exact, sync, SAMPLING).run(trainer, [long])


def test_the_canary_leaves_everything_as_it_was(
    exact: FaultyEngine, trainer: Trainer, image_requests: list[GenerationRequest]
) -> None:
    before = {name: value.clone() for name, value in trainer.whole_weights().items()}
    sync = WeightSync(exact, SYNC, seed=0)
    sync.push(trainer)
    answers = greedy(exact, image_requests)
    canary = Canary(exact, sync, SAMPLING)
    canary.run(trainer, image_requests)
    version = exact.weights_version
    canary.run(trainer, image_requests)  # shown once, not again
    assert exact.weights_version == version
    assert all(torch.equal(before[name], value) for name, value in trainer.whole_weights().items())
    assert greedy(exact, image_requests) == answers
    for rl_step in range(8):
        sync.prove(trainer, rl_step=rl_step)


def test_frozen_weights_are_not_sent(
    folder: Path, exact: FaultyEngine, image_requests: list[GenerationRequest]
) -> None:
    frozen = Trainer(folder, frozen=("vision", "projector"))
    sync = WeightSync(exact, SYNC, seed=0)
    frozen.step(lr=0.01)
    assert sync.push(frozen) == len(frozen.whole_weights()) < 30
    assert not any("visual" in name for name in frozen.whole_weights())
    for rl_step in range(4):
        sync.prove(frozen, rl_step=rl_step)
    Canary(exact, sync, SAMPLING).run(frozen, image_requests)
    probe = generated(exact, image_requests[:1], SAMPLING)[0]
    difference = engine_logps(exact, probe, SAMPLING) - frozen.score([probe])
    assert difference.abs().max() < 1e-4
    exact.load_weights(Trainer(folder).whole_weights().items())


def test_half_a_stacked_layer_is_refused(exact: FaultyEngine, trainer: Trainer) -> None:
    name = "model.language_model.layers.0.self_attn.q_proj.weight"
    with pytest.raises(EngineFailed, match=r"without '.*layers\.0\.self_attn\.k_proj\.weight'"):
        exact.load_weights([(name, trainer.whole_weights()[name])])


def test_unknown_weights_are_refused(exact: FaultyEngine) -> None:
    with pytest.raises(ValueError, match="nonsense"):
        exact.load_weights([("nonsense.weight", torch.zeros(1))])
