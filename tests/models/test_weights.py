"""A trained weight says what its whole is, and can be moved and put back."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
import torch

from sophia.models.load import ModelLoader, freeze, load_model
from sophia.models.lora import LoRA
from sophia.models.weights import TrainedWeight, all_weights, trained_weights

NAME = "model.language_model.layers.1.mlp.down_proj.weight"


def named(model: Any) -> dict[str, TrainedWeight]:
    return {weight.name: weight for weight in trained_weights(model)}


def adapted(folder: Path) -> Any:
    model = ModelLoader(path="here", lora=LoRA(rank=4, alpha=8)).load(folder)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if ".lora_B." in name:
                parameter.fill_(0.05)
    return model


@pytest.mark.parametrize("lora", [False, True])
def test_size_and_type_are_those_of_the_whole(lora: bool, tiny_folder: Path) -> None:
    model = adapted(tiny_folder) if lora else load_model(tiny_folder)
    for dtype, size in ((torch.bfloat16, 2), (torch.float32, 4)):
        for weight in trained_weights(model, dtype=dtype):
            whole = weight.whole()
            assert (whole.shape, whole.dtype) == (weight.shape, dtype)
            assert weight.num_bytes == size * whole.numel()


def test_a_whole_parameter_is_not_copied(tiny_folder: Path) -> None:
    model = load_model(tiny_folder)
    weight = named(model)[NAME]
    assert weight.whole().data_ptr() == model.get_parameter(NAME).data_ptr()


def test_frozen_weights_are_in_all_but_not_in_the_trained(tiny_folder: Path) -> None:
    model = load_model(tiny_folder)
    freeze(model, ("vision", "projector"))
    frozen = set(dict(all_weights(model))) - set(named(model))
    assert frozen
    assert all("visual" in name for name in frozen)


@pytest.mark.parametrize("lora", [False, True])
def test_scaling_is_undone_bit_for_bit_even_after_an_error(lora: bool, tiny_folder: Path) -> None:
    model = adapted(tiny_folder) if lora else load_model(tiny_folder)
    weight = named(model)[NAME]
    before, base = weight.whole().clone(), weight.base.detach().clone()
    with contextlib.suppress(InterruptedError), weight.scaled(3.0):
        update = before - base  # zero without adapter, which is not scaled
        torch.testing.assert_close(weight.whole(), 3.0 * base + update)
        raise InterruptedError
    assert torch.equal(weight.whole(), before)
