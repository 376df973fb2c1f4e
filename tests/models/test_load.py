"""Freezing by part, export, and folders that are no models."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForImageTextToText

from sophia.data.digits import DigitsDataset
from sophia.data.encode import PromptEncoder
from sophia.models.export import export, save_skeleton
from sophia.models.load import ModelLoader, load_model
from sophia.models.weights import all_weights


def test_frozen_parts_carry_no_gradient(tiny_folder: Path) -> None:
    model = ModelLoader(path=str(tiny_folder), freeze=("vision",)).load(tiny_folder)
    trained = {n: p.requires_grad for n, p in model.named_parameters()}
    assert not any(ok for n, ok in trained.items() if "visual.blocks" in n)
    assert all(ok for n, ok in trained.items() if "visual.merger" in n or "language_model" in n)


def test_projector_is_a_part_of_its_own(tiny_folder: Path) -> None:
    model = ModelLoader(path=str(tiny_folder), freeze=("projector",)).load(tiny_folder)
    trained = {n: p.requires_grad for n, p in model.named_parameters()}
    assert not any(ok for n, ok in trained.items() if "visual.merger" in n)
    assert all(ok for n, ok in trained.items() if "visual.blocks" in n)


def test_export_reloads_with_the_same_logits_on_an_image(
    tiny_folder: Path, tmp_path: Path, encoder: PromptEncoder, digits: DigitsDataset
) -> None:
    model = load_model(tiny_folder)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.01 * torch.randn_like(parameter))
    save_skeleton(tiny_folder, tmp_path / "model")
    export(all_weights(model), tmp_path / "model", tmp_path / "policy")
    again = AutoModelForImageTextToText.from_pretrained(tmp_path / "policy")
    prompt = PromptEncoder(tmp_path / "policy")(digits[0])
    inputs = {
        "input_ids": prompt.prompt_ids[None],
        "mm_token_type_ids": prompt.mm_token_type_ids[None],
        "pixel_values": prompt.pixel_values,
        "image_grid_thw": prompt.image_grid_thw,
    }
    with torch.no_grad():
        torch.testing.assert_close(again(**inputs).logits, model(**inputs).logits)
    assert not (tmp_path / "policy.partial").exists()


def test_exactly_one_source(tiny_folder: Path) -> None:
    with pytest.raises(ValueError, match="give exactly one"):
        ModelLoader()


def test_a_folder_that_is_no_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"is not a model in Hugging Face format: it has no config\.json"
    ):
        load_model(tmp_path)
