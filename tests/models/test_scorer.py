"""Group-shared rows against naive rows, and naive rows against the model's own logits."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor
from transformers import Qwen2Config, Qwen2ForCausalLM

from sophia.data.digits import DigitsDataset
from sophia.data.encode import PromptEncoder
from sophia.grpo.batch import build_train_batch, slice_sequences
from sophia.models.load import load_model
from sophia.models.scorer import TokenScorer
from sophia.types import Completion, EncodedPrompt, Media, Message, Rollout, RowsKind, TrainBatch
from tests.builders import completion, encoded, prompt

LENGTHS = ((3, 9, 1, 5), (4, 4), (7,))


def sampled(length: int, seed: int) -> Completion:
    ids = torch.randint(20, 90, (length,), generator=torch.Generator().manual_seed(seed))
    return completion(token_ids=tuple(ids.tolist()), num_tokens=length)


def ragged(prompts: list[EncodedPrompt]) -> TrainBatch:
    """Groups of different size, completions of different length."""
    rollouts = []
    for group, (each, lengths) in enumerate(zip(prompts, LENGTHS, strict=True)):
        answers = tuple(sampled(n, seed=10 * group + i) for i, n in enumerate(lengths))
        rollouts.append(Rollout(prompt=prompt(), encoded=each, completions=answers))
    return build_train_batch(rollouts)


@pytest.fixture
def batch(encoder: PromptEncoder, digits: DigitsDataset) -> TrainBatch:
    """Two groups with an image, of different prompt length, and one without."""
    return ragged([encoder(digits[0]), encoder(digits[1]), encoder(prompt())])


def scorer(folder: Path, rows: RowsKind, dtype: torch.dtype = torch.float64) -> TokenScorer:
    return TokenScorer(load_model(folder).to(dtype), rows=rows, temperature=0.7)


def in_dtype(batch: TrainBatch, dtype: torch.dtype) -> TrainBatch:
    for each in batch.prompts:
        if each.pixel_values is not None:
            object.__setattr__(each, "pixel_values", each.pixel_values.to(dtype))
    return batch


def gradients(model: TokenScorer, batch: TrainBatch) -> dict[str, Tensor]:
    model.zero_grad()
    logps = model(batch).per_token_logps
    (logps * torch.linspace(-1, 2, len(logps))).sum().backward()
    return {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


def test_naive_rows_are_log_softmax_of_the_models_logits(
    tiny_folder: Path, batch: TrainBatch
) -> None:
    model = scorer(tiny_folder, "naive", torch.float32)
    with torch.no_grad():
        scores = model(batch)
        row = torch.cat([batch.prompts[0].prompt_ids, batch.completion_ids[3:12]])[None]
        types = torch.zeros_like(row)
        types[0, : len(batch.prompts[0].prompt_ids)] = batch.prompts[0].mm_token_type_ids
        logits = model.model(
            input_ids=row,
            mm_token_type_ids=types,
            pixel_values=batch.prompts[0].pixel_values,
            image_grid_thw=batch.prompts[0].image_grid_thw,
        ).logits
    logps = (logits[0, -10:-1] / 0.7).log_softmax(-1)
    expected = logps.gather(1, batch.completion_ids[3:12, None])[:, 0]
    torch.testing.assert_close(scores.per_token_logps[3:12], expected, atol=1e-5, rtol=0)
    entropy = -(logps.exp() * logps).sum(-1)
    torch.testing.assert_close(scores.entropy[3:12], entropy, atol=1e-5, rtol=0)


def test_shared_rows_are_exact_with_gradients_to_the_vision_tower(
    tiny_folder: Path, batch: TrainBatch
) -> None:
    naive, shared = scorer(tiny_folder, "naive"), scorer(tiny_folder, "shared")
    batch = in_dtype(batch, torch.float64)
    expected, got = gradients(naive, batch), gradients(shared, batch)
    assert any("visual" in name for name in got)
    for name, gradient in expected.items():
        torch.testing.assert_close(got[name], gradient, atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(
        shared(batch).per_token_logps, naive(batch).per_token_logps, atol=1e-7, rtol=0
    )


def test_a_group_split_over_rows_scores_the_same(tiny_folder: Path, batch: TrainBatch) -> None:
    shared = scorer(tiny_folder, "shared", torch.float32)
    with torch.no_grad():
        whole = shared(batch).per_token_logps
        pieces = [
            shared(slice_sequences(batch, *span)).per_token_logps for span in ((0, 3), (3, 7))
        ]
    torch.testing.assert_close(torch.cat(pieces), whole, atol=1e-5, rtol=0)


def test_gradient_checkpointing_changes_nothing(tiny_folder: Path, batch: TrainBatch) -> None:
    plain = scorer(tiny_folder, "shared", torch.float32)
    saving = copy.deepcopy(plain)
    saving.model.gradient_checkpointing_enable({"use_reentrant": False})
    saving.train()
    expected, got = gradients(plain, batch), gradients(saving, batch)
    for name, gradient in expected.items():
        torch.testing.assert_close(got[name], gradient, atol=1e-4, rtol=1e-4)


def test_siblings_and_neighbours_do_not_matter_but_the_image_does(
    tiny_folder: Path, batch: TrainBatch, encoder: PromptEncoder, digits: DigitsDataset
) -> None:
    shared = scorer(tiny_folder, "shared", torch.float32)
    ids = batch.completion_ids.clone()
    ids[3:] = ids[3:].flip(0)
    with torch.no_grad():
        alone = shared(batch).per_token_logps[:3]
        others = shared(replace(batch, completion_ids=ids)).per_token_logps[:3]
        image = encoder(digits[2]), *batch.prompts[1:]
        elsewhere = shared(replace(batch, prompts=image)).per_token_logps[:3]
    torch.testing.assert_close(others, alone, atol=1e-5, rtol=0)
    assert (elsewhere - alone).abs().max() > 1e-3


def test_positions_continue_after_the_image_not_after_its_tokens(
    tiny_folder: Path, encoder: PromptEncoder, digits: DigitsDataset
) -> None:
    """A prompt whose image has more tokens than it advances positions by."""
    wide = Media(source=Image.new("RGB", (112, 112), "red"))
    big = prompt(messages=(Message(role="user", content=(wide, "What?")),))
    batch = ragged([encoder(big), encoder(digits[1]), encoder(prompt())])
    assert int(batch.prompts[0].mm_token_type_ids.sum()) == 16
    with torch.no_grad():
        torch.testing.assert_close(
            scorer(tiny_folder, "shared", torch.float32)(batch).per_token_logps,
            scorer(tiny_folder, "naive", torch.float32)(batch).per_token_logps,
            atol=1e-5,
            rtol=0,
        )


def test_text_only_models_share_too() -> None:
    config = Qwen2Config(
        vocab_size=100, hidden_size=32, intermediate_size=48, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, initializer_range=0.2,
    )  # fmt: skip
    torch.manual_seed(0)
    model: Any = Qwen2ForCausalLM(config).eval()
    shared: Any = copy.deepcopy(model)
    batch = ragged([encoded((1, 2, 3)), encoded((4, 5, 6, 7, 8)), encoded((9, 10))])
    with torch.no_grad():
        naive = TokenScorer(model, rows="naive", temperature=1.0)(batch)
        packed = TokenScorer(shared, rows="shared", temperature=1.0)(batch)
    torch.testing.assert_close(packed.per_token_logps, naive.per_token_logps, atol=1e-5, rtol=0)


@pytest.mark.parametrize("rows", ["naive", "shared"])
def test_a_sampled_placeholder_is_refused(
    rows: RowsKind, tiny_folder: Path, batch: TrainBatch, encoder: PromptEncoder
) -> None:
    ids = batch.completion_ids.clone()
    ids[5] = encoder.tokenizer.convert_tokens_to_ids("<|image_pad|>")
    with pytest.raises(ValueError, match="image placeholder tokens but"):
        scorer(tiny_folder, rows, torch.float32)(replace(batch, completion_ids=ids))
