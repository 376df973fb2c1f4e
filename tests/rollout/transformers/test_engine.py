"""The engine's draws: whose they are, what they may be; prefilling once changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForImageTextToText

from sophia.data.digits import DigitsDataset
from sophia.data.encode import PromptEncoder
from sophia.grpo.batch import build_train_batch
from sophia.models.load import load_model
from sophia.models.scorer import TokenScorer
from sophia.rollout.seeds import completion_seed
from sophia.rollout.transformers import decoding
from sophia.rollout.transformers import engine as transformers_engine
from sophia.rollout.transformers.engine import TransformersEngine, chunks
from sophia.types import GenerationRequest, Rollout, SamplingParams
from tests.builders import generated, prompt

SAMPLING = SamplingParams(max_new_tokens=12)


@pytest.fixture(scope="module")
def engine(tiny_folder: Path, encoder: PromptEncoder) -> TransformersEngine:
    return make_engine(tiny_folder, encoder)


def make_engine(folder: Path, encoder: PromptEncoder, size: int = 64) -> TransformersEngine:
    return TransformersEngine(
        policy_folder=folder,
        decode=encoder.decode,
        media_token_ids=encoder.media_token_ids,
        device="cpu",
        max_batch_size=size,
    )


def requests(
    encoder: PromptEncoder, digits: DigitsDataset, count: int = 6, samples: int = 4
) -> list[GenerationRequest]:
    return [
        GenerationRequest(
            prompt=digits[i],
            encoded=encoder(digits[i]),
            seeds=tuple(completion_seed(0, 0, digits[i].uid, j) for j in range(samples)),
        )
        for i in range(count)
    ]


def ids(rollouts: Sequence[Rollout]) -> list[tuple[int, ...]]:
    return [c.token_ids for r in rollouts for c in r.completions]


def test_greedy_is_what_plain_generate_gives(
    tiny_folder: Path, engine: TransformersEngine, encoder: PromptEncoder, digits: DigitsDataset
) -> None:
    plain = AutoModelForImageTextToText.from_pretrained(tiny_folder)
    greedy = SamplingParams(max_new_tokens=12, temperature=0.0)
    for request in requests(encoder, digits, samples=1):
        got = generated(engine, [request], greedy)[0].completions[0].token_ids
        expected = plain.generate(
            input_ids=request.encoded.prompt_ids[None],
            attention_mask=torch.ones_like(request.encoded.prompt_ids)[None],
            mm_token_type_ids=request.encoded.mm_token_type_ids[None],
            pixel_values=request.encoded.pixel_values,
            image_grid_thw=request.encoded.image_grid_thw,
            max_new_tokens=12,
            do_sample=False,
            suppress_tokens=list(encoder.media_token_ids),
        )[0, len(request.encoded.prompt_ids) :]
        assert got == tuple(expected.tolist())


def test_a_completion_depends_on_its_seed_not_on_its_batch(
    tiny_folder: Path, engine: TransformersEngine, encoder: PromptEncoder, digits: DigitsDataset
) -> None:
    together = ids(generated(engine, requests(encoder, digits), SAMPLING))
    small = make_engine(tiny_folder, encoder, size=4)
    apart = ids(generated(small, requests(encoder, digits), SAMPLING))
    assert together == apart
    assert len(set(together)) > 20  # and they differ from each other


def test_sampled_logps_are_the_trainers(
    tiny_folder: Path, engine: TransformersEngine, encoder: PromptEncoder, digits: DigitsDataset
) -> None:
    warm = SamplingParams(max_new_tokens=12, temperature=0.7)
    batch = build_train_batch(generated(engine, requests(encoder, digits), warm))
    scorer = TokenScorer(load_model(tiny_folder), rows="naive", temperature=0.7)
    with torch.no_grad():
        expected = scorer(batch).per_token_logps
    torch.testing.assert_close(batch.sampling_per_token_logps, expected, atol=2e-5, rtol=0)


def test_text_only_and_image_prompts_in_one_batch(
    engine: TransformersEngine, encoder: PromptEncoder, digits: DigitsDataset
) -> None:
    text = GenerationRequest(prompt=prompt(), encoded=encoder(prompt()), seeds=(1, 2))
    mixed = [*requests(encoder, digits, count=2, samples=2), text]
    together = ids(generated(engine, mixed, SAMPLING))
    assert ids(generated(engine, [text], SAMPLING)) == together[-2:]


def test_media_tokens_are_never_drawn(
    tiny_folder: Path, encoder: PromptEncoder, digits: DigitsDataset
) -> None:
    engine = make_engine(tiny_folder, encoder)
    placeholder = encoder.tokenizer.convert_tokens_to_ids("<|image_pad|>")
    weights = dict(load_model(tiny_folder).named_parameters())
    embedding = weights["model.language_model.embed_tokens.weight"].detach().clone()
    norm = weights["model.language_model.norm.weight"].detach()
    embedding[placeholder] = 100 * embedding[placeholder] + norm  # the tied head now shouts it
    engine.load_weights([("model.language_model.embed_tokens.weight", embedding)])
    drawn = ids(generated(engine, requests(encoder, digits), SAMPLING))
    assert not any(placeholder in tokens for tokens in drawn)


def test_new_weights_are_used_and_unknown_ones_refused(
    tiny_folder: Path, encoder: PromptEncoder, digits: DigitsDataset
) -> None:
    engine = make_engine(tiny_folder, encoder)
    before = ids(generated(engine, requests(encoder, digits), SAMPLING))
    weights = [(n, p + 0.05) for n, p in load_model(tiny_folder).named_parameters()]
    assert engine.load_weights(weights) == len(weights)
    assert ids(generated(engine, requests(encoder, digits), SAMPLING)) != before
    with pytest.raises(ValueError, match="has no weight 'nonsense'"):
        engine.load_weights([("nonsense", torch.zeros(1))])


def test_the_end_token_belongs_to_the_completion(
    engine: TransformersEngine, encoder: PromptEncoder, digits: DigitsDataset
) -> None:
    sampling = SamplingParams(max_new_tokens=200, temperature=3.0)
    end = encoder.tokenizer.eos_token_id
    completions = [
        c
        for r in generated(engine, requests(encoder, digits, count=3), sampling)
        for c in r.completions
    ]
    ended = [c for c in completions if not c.truncated]
    assert ended
    assert all(c.token_ids[-1] == end and c.token_ids.count(end) == 1 for c in ended)
    assert all(len(c.sampling_logps) == len(c.token_ids) for c in completions)
    assert all("<|im_end|>" not in c.text for c in ended)


def test_engine_construction_leaves_the_random_state(
    tiny_folder: Path, encoder: PromptEncoder, digits: DigitsDataset
) -> None:
    engine = make_engine(tiny_folder, encoder)
    state = torch.random.get_rng_state()
    generated(engine, requests(encoder, digits, count=1), SAMPLING)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_groups_of_different_size_come_as_they_finish(
    engine: TransformersEngine, encoder: PromptEncoder, digits: DigitsDataset
) -> None:
    """One that may say only a little is there before one that may say more, and unchanged."""
    end = encoder.tokenizer.eos_token_id
    short, long, single = requests(encoder, digits, count=3, samples=3)
    short = replace(short, forced=((7, end), (7, 8, end), (end,)))
    long = replace(long, forced=((7,) * 9, (8,) * 12, (9,) * 2 + (end,)))
    single = replace(single, seeds=single.seeds[:1])
    answers = list(engine.generate([long, short, single], SAMPLING))
    assert [place for place, _ in answers] == [1, 0, 2]
    got = [rollout for _, rollout in answers]
    assert [r.prompt.uid for r in got] == [r.prompt.uid for r in (short, long, single)]
    assert [c.token_ids for c in got[0].completions] == list(short.forced)
    assert got[1].completions[1].token_ids == (8,) * 12
    assert got[1].completions[0].token_ids[:9] == (7,) * 9
    alone = generated(engine, [single], SAMPLING)[0]
    assert got[2].completions[0].token_ids == alone.completions[0].token_ids


def test_a_finished_group_comes_once_though_it_stays_in_the_batch(
    engine: TransformersEngine,
    encoder: PromptEncoder,
    digits: DigitsDataset,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    end = encoder.tokenizer.eos_token_id
    asked = requests(encoder, digits, count=6, samples=2)
    asked[2] = replace(asked[2], forced=((7, end), (end,)))
    found = []
    for share in (0.0, 0.25, 2.0):  # groups leave at once, when a quarter is over, never
        monkeypatch.setattr(decoding, "_WORTH_LEAVING", share)
        answers = list(engine.generate(asked, SAMPLING))
        assert sorted(place for place, _ in answers) == list(range(6))
        assert all(r.prompt.uid == asked[place].prompt.uid for place, r in answers)
        assert answers[0][0] == 2
        found.append({place: ids([r]) for place, r in answers})
    assert found[0] == found[1] == found[2]


def test_chunks_are_bounded_by_completions_and_by_padded_prompts(
    encoder: PromptEncoder, digits: DigitsDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = requests(encoder, digits, count=6, samples=2)
    length = max(len(r.encoded.prompt_ids) for r in asked)
    assert [len(c) for c in chunks(asked, 4)] == [2, 2, 2]
    monkeypatch.setattr(transformers_engine, "_MAX_PROMPT_TOKENS", 3 * length)
    assert [len(c) for c in chunks(asked, 64)] == [3, 3]
    wide = replace(asked[1].encoded, prompt_ids=torch.ones(2 * length, dtype=torch.long))
    asked[1] = replace(asked[1], encoded=wide)  # beside it each counts as much
    assert [len(c) for c in chunks(asked, 64)] == [1, 1, 3, 1]
