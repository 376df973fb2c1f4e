"""Adapters: the reference is the policy without them, and what leaves is merged on a copy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from sophia.models.adapters import adapted_layers, adapters_off, is_adapter
from sophia.models.export import export, save_skeleton
from sophia.models.load import ModelLoader, count_parameters, load_model
from sophia.models.lora import LoRA
from sophia.models.scorer import TokenScorer
from sophia.models.weights import all_weights, trained_weights
from sophia.rollout.sync import SyncSettings
from sophia.run.checkpoint import checkpoint_path
from sophia.run.convert import export_checkpoint
from tests.models.test_architectures import batch
from tests.short_run import Run, SaveAfter

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*does not have many workers",
    "ignore:.*module\\(s\\) in eval mode",
    "ignore:.*treespec, LeafSpec",
)


def adapted(folder: Path, **settings: Any) -> Any:
    return ModelLoader(path="here", lora=LoRA(rank=4, alpha=8, **settings)).load(folder)


def moved(model: Any) -> Any:
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if is_adapter(name):
                parameter.add_(0.05)
    return model


def test_the_language_model_alone_is_adapted(tiny_folder: Path) -> None:
    model = adapted(tiny_folder)
    names = list(adapted_layers(model))
    assert len(names) == 2 * 7  # layers x linear layers
    assert not any("visual" in name for name in names)
    counts = count_parameters(model)
    assert counts["vision"][0] == counts["projector"][0] == 0
    assert counts["language model"][0] == sum(
        p.numel() for n, p in model.named_parameters() if is_adapter(n)
    )


def test_the_vision_tower_on_demand(tiny_folder: Path) -> None:
    assert any("visual" in name for name in adapted_layers(adapted(tiny_folder, vision=True)))


def test_it_starts_as_the_base_and_switches_back_to_it(tiny_folder: Path) -> None:
    data = batch(tiny_folder, "qwen2_5_vl")
    base = TokenScorer(load_model(tiny_folder), rows="shared", temperature=1.0)
    policy = TokenScorer(adapted(tiny_folder), rows="shared", temperature=1.0)
    expected = base(data).per_token_logps
    assert torch.equal(policy(data).per_token_logps, expected)
    moved(policy.model)
    assert (policy(data).per_token_logps - expected).abs().max() > 0.01
    with adapters_off(policy.model):
        assert torch.equal(policy(data).per_token_logps, expected)
    assert (policy(data).per_token_logps - expected).abs().max() > 0.01


def test_what_the_engine_gets_is_merged_and_the_base_stays(tiny_folder: Path) -> None:
    model = moved(adapted(tiny_folder))
    base = dict(load_model(tiny_folder).named_parameters())
    weights = {weight.name: weight.whole() for weight in trained_weights(model)}
    assert set(weights) == set(adapted_layers(model))
    data = batch(tiny_folder, "qwen2_5_vl")
    merged = load_model(tiny_folder)
    merged.load_state_dict(weights, strict=False)
    scores = [
        TokenScorer(m, rows="shared", temperature=1.0)(data).per_token_logps
        for m in (model, merged)
    ]
    torch.testing.assert_close(scores[0], scores[1], atol=1e-4, rtol=1e-4)
    for _ in range(20):
        [weight.whole() for weight in trained_weights(model)]
    for name, layer in adapted_layers(model).items():
        assert torch.equal(layer.base_layer.weight, base[name])


def test_an_export_is_merged_and_has_the_names_of_its_base(
    tiny_folder: Path, tmp_path: Path
) -> None:
    model = moved(adapted(tiny_folder))
    save_skeleton(tiny_folder, tmp_path / "model")
    export(all_weights(model), tmp_path / "model", tmp_path / "out")
    again = load_model(tmp_path / "out")
    data = batch(tiny_folder, "qwen2_5_vl")
    scores = [
        TokenScorer(m, rows="shared", temperature=1.0)(data).per_token_logps for m in (model, again)
    ]
    torch.testing.assert_close(scores[0], scores[1], atol=1e-4, rtol=1e-4)


def test_a_run_trains_adapters_only_and_its_checkpoint_exports_merged(
    tiny_folder: Path, tmp_path: Path
) -> None:
    loader = ModelLoader(path="here", lora=LoRA(rank=4, alpha=8))
    save = SaveAfter(2, tmp_path / "checkpoints")
    run = Run(tiny_folder, num_steps=2, model=loader, callbacks=[save], sync=SyncSettings()).fit()
    assert run.logger.rows[0]["kl"] == 0.0
    assert run.logger.rows[1]["kl"] > 0.0
    base = dict(load_model(tiny_folder).named_parameters())
    for name, layer in adapted_layers(run.module.hf_model).items():
        assert torch.equal(layer.base_layer.weight, base[name])
    save_skeleton(tiny_folder, tmp_path / "model")
    export_checkpoint(checkpoint_path(tmp_path / "checkpoints", 2), tmp_path / "out")
    exported = dict(load_model(tmp_path / "out").named_parameters())
    for name, value in all_weights(run.module.hf_model):
        torch.testing.assert_close(exported[name], value)


def test_a_bfloat16_base_has_float32_adapters(tiny_folder: Path) -> None:
    lora = LoRA(rank=4, alpha=8)
    model = ModelLoader(path="here", dtype="bfloat16", lora=lora).load(tiny_folder)
    types = {is_adapter(n): p.dtype for n, p in model.named_parameters()}
    assert types == {True: torch.float32, False: torch.bfloat16}
