"""The engine's draws are those of the other engine, and its log-probabilities the trainer's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from PIL import Image

from sophia.data.digits import DigitsDataset
from sophia.data.encode import PromptEncoder
from sophia.grpo.batch import build_train_batch
from sophia.models.load import load_model
from sophia.models.scorer import TokenScorer
from sophia.rollout.seeds import completion_seed
from sophia.rollout.transformers.engine import TransformersEngine
from sophia.rollout.vllm.engine import VLLMEngine
from sophia.types import GenerationRequest, Media, Message, Prompt, Rollout, SamplingParams
from tests.builders import generated, prompt
from tests.vllm.conftest import make_engine

SAMPLING = SamplingParams(max_new_tokens=12)
GREEDY = SamplingParams(max_new_tokens=12, temperature=0.0)


@pytest.fixture(scope="module")
def other(folder: Path, vllm_encoder: PromptEncoder) -> TransformersEngine:
    return TransformersEngine(
        policy_folder=folder,
        decode=vllm_encoder.decode,
        media_token_ids=vllm_encoder.media_token_ids,
        device="cpu",
        max_batch_size=64,
    )


def request(encoder: PromptEncoder, asked: Prompt, samples: int = 4) -> GenerationRequest:
    seeds = tuple(completion_seed(0, 0, asked.uid, j) for j in range(samples))
    return GenerationRequest(prompt=asked, encoded=encoder(asked), seeds=seeds)


def requests(
    encoder: PromptEncoder, digits: DigitsDataset, count: int = 6, samples: int = 4
) -> list[GenerationRequest]:
    return [request(encoder, digits[i], samples) for i in range(count)]


def with_images(uid: str, *sizes: tuple[int, int]) -> Prompt:
    """A prompt whose images have a pattern of their own."""
    images = [
        Image.linear_gradient("L").rotate(30 * i).resize(size).convert("RGB")
        for i, size in enumerate(sizes)
    ]
    content: tuple[str | Media, ...] = (
        *(Media(source=image) for image in images),
        "What is to be seen?",
    )
    return prompt(uid=uid, messages=(Message(role="user", content=content),))


def ids(rollouts: Sequence[Rollout]) -> dict[str, list[tuple[int, ...]]]:
    """By prompt: groups come as they finish."""
    return {r.prompt.uid: [c.token_ids for c in r.completions] for r in rollouts}


@pytest.mark.parametrize(
    "sampling",
    [
        SAMPLING,
        GREEDY,
        SamplingParams(max_new_tokens=12, temperature=0.7, top_p=0.8, top_k=20),
        SamplingParams(max_new_tokens=12, temperature=1.3, min_p=0.05, repetition_penalty=1.4),
    ],
)
def test_both_engines_draw_the_same_tokens(
    sampling: SamplingParams,
    engine: VLLMEngine,
    other: TransformersEngine,
    vllm_encoder: PromptEncoder,
    digits: DigitsDataset,
) -> None:
    samples = 1 if sampling.temperature == 0.0 else 4
    asked = requests(vllm_encoder, digits, samples=samples)
    mine = ids(generated(engine, asked, sampling))
    assert mine == ids(generated(other, asked, sampling))
    assert len({tokens for group in mine.values() for tokens in group}) > samples


def test_sampled_logps_are_the_trainers_at_any_temperature(
    folder: Path, engine: VLLMEngine, vllm_encoder: PromptEncoder, digits: DigitsDataset
) -> None:
    for temperature in (0.7, 1.0, 1.6):
        warm = SamplingParams(max_new_tokens=12, temperature=temperature, top_p=0.9, top_k=50)
        asked = requests(vllm_encoder, digits)
        batch = build_train_batch(generated(engine, asked, warm))
        scorer = TokenScorer(load_model(folder), rows="naive", temperature=temperature)
        with torch.no_grad():
            expected = scorer(batch).per_token_logps
        difference = (batch.sampling_per_token_logps - expected).abs().max()
        assert difference < 1e-4, temperature


def test_a_completion_depends_on_its_seed_not_on_its_batch(
    engine: VLLMEngine, vllm_encoder: PromptEncoder, digits: DigitsDataset
) -> None:
    together = ids(generated(engine, requests(vllm_encoder, digits), SAMPLING))
    apart: dict[str, list[tuple[int, ...]]] = {}
    for one in requests(vllm_encoder, digits):
        apart |= ids(generated(engine, [one], SAMPLING))
    assert together == apart


def test_image_parity(
    folder: Path, engine: VLLMEngine, other: TransformersEngine, vllm_encoder: PromptEncoder
) -> None:
    """Prompt ids are compared inside the engine; equal log-probs mean equal image features."""
    prompts = [
        with_images("square", (84, 84)),
        with_images("wide", (203, 61)),
        with_images("tall", (50, 310)),
        with_images("tiny", (20, 30)),
        with_images("two", (70, 90), (140, 33)),
        with_images("three alike", (56, 56), (56, 56), (56, 56)),
        prompt(uid="text only"),
    ]
    asked = [request(vllm_encoder, p, samples=2) for p in prompts]
    rollouts = generated(engine, asked, SAMPLING)
    assert ids(rollouts) == ids(generated(other, asked, SAMPLING))
    batch = build_train_batch(rollouts)
    with torch.no_grad():
        expected = TokenScorer(load_model(folder), rows="naive", temperature=1.0)(batch)
    assert (batch.sampling_per_token_logps - expected.per_token_logps).abs().max() < 1e-4


def test_forced_completions_are_scored_not_drawn(
    engine: VLLMEngine,
    other: TransformersEngine,
    vllm_encoder: PromptEncoder,
    digits: DigitsDataset,
) -> None:
    drawn = generated(engine, requests(vllm_encoder, digits, 1, 2), SAMPLING)[0]
    asked = GenerationRequest(
        prompt=drawn.prompt,
        encoded=drawn.encoded,
        seeds=(77, 78),
        forced=tuple(c.token_ids for c in drawn.completions),
    )
    for each in (engine, other):
        again = generated(each, [asked], SAMPLING)[0]
        for first, second in zip(drawn.completions, again.completions, strict=True):
            assert first.token_ids == second.token_ids
            assert first.sampling_logps == pytest.approx(second.sampling_logps, abs=1e-4)


def test_stop_strings_cut_neither_ids_nor_text(
    engine: VLLMEngine,
    other: TransformersEngine,
    vllm_encoder: PromptEncoder,
    digits: DigitsDataset,
) -> None:
    asked = requests(vllm_encoder, digits, count=1, samples=1)
    free = generated(engine, asked, SAMPLING)[0].completions[0]
    half = vllm_encoder.decode(free.token_ids[:6])
    stop = half[-2:]
    stopped = generated(engine, asked, SamplingParams(max_new_tokens=12, stop=(stop,)))[0]
    completion = stopped.completions[0]
    assert completion.finish_reason == "stop"
    assert stop in completion.text
    assert completion.token_ids == free.token_ids[: len(completion.token_ids)]
    assert len(completion.token_ids) < len(free.token_ids)
    assert len(completion.sampling_logps) == len(completion.token_ids)
    with pytest.raises(ValueError, match="knows no stop strings"):
        generated(other, asked, SamplingParams(max_new_tokens=4, stop=("x",)))


def test_the_end_token_belongs_to_the_completion(
    engine: VLLMEngine, vllm_encoder: PromptEncoder, digits: DigitsDataset
) -> None:
    sampling = SamplingParams(max_new_tokens=200, temperature=3.0)
    end = vllm_encoder.tokenizer.eos_token_id
    asked = requests(vllm_encoder, digits, count=3)
    completions = [c for r in generated(engine, asked, sampling) for c in r.completions]
    ended = [c for c in completions if not c.truncated]
    assert ended
    assert all(c.token_ids[-1] == end and c.token_ids.count(end) == 1 for c in ended)
    assert all("<|im_end|>" not in c.text for c in ended)


def test_media_tokens_are_never_drawn(
    folder: Path, engine: VLLMEngine, vllm_encoder: PromptEncoder, digits: DigitsDataset
) -> None:
    placeholder = vllm_encoder.tokenizer.convert_tokens_to_ids("<|image_pad|>")
    name = "model.language_model.embed_tokens.weight"
    weights = dict(load_model(folder).named_parameters())
    embedding = weights[name].detach().clone()
    norm = weights["model.language_model.norm.weight"].detach()
    embedding[placeholder] = 100 * embedding[placeholder] + norm  # the tied head now shouts it
    engine.load_weights([(name, embedding)])
    drawn = ids(generated(engine, requests(vllm_encoder, digits), SAMPLING))
    engine.load_weights([(name, weights[name])])
    assert not any(placeholder in tokens for group in drawn.values() for tokens in group)


def test_a_group_prefills_its_prompt_once(engine: VLLMEngine, vllm_encoder: PromptEncoder) -> None:
    long = request(vllm_encoder, with_images("long", (560, 280)), samples=8)
    length, cached = len(long.encoded.prompt_ids), engine.num_cached_tokens
    assert length > 200
    generated(engine, [long], SamplingParams(max_new_tokens=1))
    # Seven of eight find the prompt in the cache, up to its last, unfinished block.
    assert engine.num_cached_tokens - cached > 7 * (length - 130)


def test_too_long_a_prompt_is_named(engine: VLLMEngine, vllm_encoder: PromptEncoder) -> None:
    long = request(vllm_encoder, with_images("poster", (560, 280)))
    with pytest.raises(ValueError, match=r"prompt 'poster' has 2\d\d tokens; with 900 new ones"):
        generated(engine, [long], SamplingParams(max_new_tokens=900))


def test_construction_leaves_the_random_state(folder: Path) -> None:
    state = torch.random.get_rng_state()
    engine = make_engine(folder, dtype="bfloat16")
    engine.read_weights([])  # starts it
    assert torch.equal(torch.random.get_rng_state(), state)
