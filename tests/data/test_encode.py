"""Tokens and pixels of a prompt."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from sophia.data.digits import DigitsDataset
from sophia.data.encode import PromptEncoder
from sophia.data.rows.row_error import RowError
from sophia.types import Media, Message
from tests.builders import prompt


def test_one_placeholder_per_image_feature(encoder: PromptEncoder, digits: DigitsDataset) -> None:
    result = encoder(digits[0])
    assert result.image_grid_thw is not None
    assert result.pixel_values is not None
    # 28 x 56 pixels: 2 x 4 patches of 14, merged 2 x 2 into 2 tokens
    assert result.image_grid_thw.tolist() == [[1, 2, 4]]
    assert result.pixel_values.shape == (8, 3 * 2 * 14 * 14)
    assert int(result.mm_token_type_ids.sum()) == 2
    placeholder = encoder.tokenizer.convert_tokens_to_ids("<|image_pad|>")
    assert int((result.prompt_ids == placeholder).sum()) == 2


def test_several_images_and_none(encoder: PromptEncoder, digits: DigitsDataset) -> None:
    media = digits[0].media[0], digits[2].media[0]
    two = prompt(messages=(Message(role="user", content=(media[0], "and", media[1])),))
    assert int(encoder(two).mm_token_type_ids.sum()) == 4
    none = encoder(prompt())
    assert none.pixel_values is None
    assert not none.mm_token_type_ids.any()


def test_a_literal_placeholder_in_the_text_is_refused(encoder: PromptEncoder) -> None:
    trap = prompt(messages=(Message(role="user", content=("what is <|image_pad|>?",)),))
    with pytest.raises(RowError, match="has 0 images but its text holds 1 image placeholders"):
        encoder(trap)


def test_a_template_that_drops_images_is_no_mistake_of_a_row(
    tiny_folder: Path, digits: DigitsDataset
) -> None:
    encoder = PromptEncoder(tiny_folder)
    encoder.tokenizer.chat_template = "{{ messages[0].content[-1].text }}"
    with pytest.raises(ValueError, match="does the chat template drop images") as caught:
        encoder.unexpanded_ids(digits[0])
    assert not isinstance(caught.value, RowError)


def test_an_unopened_image_is_our_mistake(encoder: PromptEncoder) -> None:
    closed = Media(source=b"not opened")
    trap = prompt(messages=(Message(role="user", content=(closed, "what?")),))
    with pytest.raises(TypeError, match="is not open"):
        encoder(trap)


def test_an_image_processor_may_be_a_part_of_the_processors_file(
    tiny_folder: Path, tmp_path: Path, encoder: PromptEncoder, digits: DigitsDataset
) -> None:
    """As ``AutoProcessor.from_pretrained(...).save_pretrained(...)`` of transformers 5 writes."""
    shutil.copytree(tiny_folder, tmp_path, dirs_exist_ok=True)
    own = tmp_path / "preprocessor_config.json"
    whole = {
        "image_processor": json.loads(own.read_text()),
        "processor_class": "Qwen2_5_VLProcessor",
    }
    own.unlink()
    assert PromptEncoder(tmp_path).pixels_per_token_side == 1  # a language model
    (tmp_path / "processor_config.json").write_text(json.dumps(whole))
    again = PromptEncoder(tmp_path)
    assert again.pixel_range == encoder.pixel_range
    assert torch.equal(again(digits[0]).prompt_ids, encoder(digits[0]).prompt_ids)


def test_text_comes_back(encoder: PromptEncoder) -> None:
    text = "<think> 6 + 3 = 9 </think><answer> 9 </answer>"
    ids = encoder.tokenizer(text)["input_ids"]
    assert encoder.decode([*ids, encoder.tokenizer.eos_token_id]) == text
    assert torch.tensor(ids).max() < len(encoder.tokenizer)
