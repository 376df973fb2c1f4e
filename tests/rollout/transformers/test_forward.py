"""Sampling by a model's own forward is the same draw as over shared prompts, for any model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from sophia.data.digits import DigitsDataset
from sophia.data.encode import PromptEncoder
from sophia.rollout.transformers.engine import TransformersEngine
from sophia.types import Completion, GenerationRequest, Prompt, SamplingParams
from tests.models.architectures import OTHERS, VISION, save_architecture
from tests.models.test_architectures import TextDigits

LANGUAGE_MODELS = tuple(name for name in OTHERS if not name.startswith(VISION))


class OwnForwardEngine(TransformersEngine):
    """Shares no prompt, though it could."""

    def _prepare_attention(self) -> bool:
        return False


@pytest.fixture(scope="module")
def folders(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("forward")
    names = (*OTHERS, "qwen2", "llama", "qwen2_5_vl", "qwen3_vl")
    return {name: save_architecture(name, root / name, tiny=tiny_folder) for name in names}


def make(kind: type[TransformersEngine], folder: Path) -> TransformersEngine:
    encoder = PromptEncoder(folder)
    return kind(
        policy_folder=folder, decode=encoder.decode,
        media_token_ids=encoder.media_token_ids, device="cpu", max_batch_size=64,
    )  # fmt: skip


def requests(name: str, folder: Path) -> list[GenerationRequest]:
    """Of different prompt length; the first two with an image where the model sees."""
    encoder = PromptEncoder(folder)
    texts = TextDigits(split="train", num_prompts=9, seed=0)
    images = DigitsDataset(split="train", num_prompts=9, seed=0)
    first = images if name.startswith(VISION) else texts
    prompts: list[Prompt] = [first[0], first[1], texts[2]]
    return [
        GenerationRequest(prompt=p, encoded=encoder(p), seeds=(10 * i, 10 * i + 1, 10 * i + 2))
        for i, p in enumerate(prompts)
    ]


def completions(
    engine: TransformersEngine, asked: list[GenerationRequest], sampling: SamplingParams
) -> dict[str, tuple[Completion, ...]]:
    return {r.prompt.uid: r.completions for _, r in engine.generate(asked, sampling)}


SAMPLING = SamplingParams(max_new_tokens=40, temperature=1.5, repetition_penalty=1.2)


@pytest.mark.parametrize("name", ["qwen2", "llama", "qwen2_5_vl", "qwen3_vl"])
def test_it_is_the_same_draw(name: str, folders: dict[str, Path]) -> None:
    asked = requests(name, folders[name])
    end = PromptEncoder(folders[name]).tokenizer.eos_token_id
    asked[2] = replace(asked[2], forced=((7, end), (8, 9, end), (7,) * 40))
    shared = completions(make(TransformersEngine, folders[name]), asked, SAMPLING)
    own = completions(make(OwnForwardEngine, folders[name]), asked, SAMPLING)
    assert own.keys() == shared.keys()
    for uid, expected in shared.items():
        for one, two in zip(own[uid], expected, strict=True):
            assert (one.token_ids, one.text, one.seed) == (two.token_ids, two.text, two.seed)
            assert one.finish_reason == two.finish_reason
            assert one.sampling_logps == pytest.approx(two.sampling_logps, abs=2e-5)
    assert [c.token_ids for c in own[asked[2].prompt.uid]] == list(asked[2].forced)


@pytest.mark.parametrize("name", OTHERS)
def test_a_completion_depends_on_its_seed_alone(name: str, folders: dict[str, Path]) -> None:
    engine = make(TransformersEngine, folders[name])
    asked = requests(name, folders[name])
    together = completions(engine, asked, SAMPLING)
    alone = completions(engine, asked[1:2], SAMPLING)
    assert alone[asked[1].prompt.uid] == together[asked[1].prompt.uid]
    assert len({c.token_ids for group in together.values() for c in group}) == 9


@pytest.mark.parametrize("name", LANGUAGE_MODELS)
def test_greedy_is_what_plain_generate_gives(name: str, folders: dict[str, Path]) -> None:
    plain = AutoModelForCausalLM.from_pretrained(folders[name])
    engine = make(TransformersEngine, folders[name])
    greedy = SamplingParams(max_new_tokens=12, temperature=0.0)
    banned = list(PromptEncoder(folders[name]).media_token_ids)
    for request in requests(name, folders[name]):
        _, rollout = next(engine.generate([request], greedy))
        got = rollout.completions[0].token_ids
        prompt = request.encoded.prompt_ids[None]
        expected = plain.generate(
            prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=12, do_sample=False,
            suppress_tokens=banned,
        )  # fmt: skip
        assert got == tuple(expected[0, prompt.shape[1] :].tolist())
