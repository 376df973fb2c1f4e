"""Every supported architecture: read, laid out, frozen by part, trained, exported."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoConfig

from sophia.data.digits import DigitsDataset
from sophia.data.encode import PromptEncoder
from sophia.grpo.batch import build_train_batch
from sophia.models.export import export, save_skeleton
from sophia.models.load import ModelLoader, count_parameters, empty_model, load_model
from sophia.models.read import checkpoint_files, fill
from sophia.models.scorer import TokenScorer
from sophia.models.weights import all_weights
from sophia.rollout.sync import SyncSettings
from sophia.types import Message, Prompt, Rollout, TrainBatch
from tests.builders import completion
from tests.models.architectures import ARCHITECTURES, VISION, save_architecture
from tests.short_run import Run

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*does not have many workers",
    "ignore:.*module\\(s\\) in eval mode",
    "ignore:.*treespec, LeafSpec",
)


@pytest.fixture(scope="module")
def folders(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("architectures")
    return {
        name: save_architecture(name, root / name, tiny=tiny_folder, tied=name == "qwen2_vl")
        for name in ARCHITECTURES
    }


class TextDigits(DigitsDataset):
    """The questions without their images, for a model that has no eyes."""

    def __getitem__(self, index: int) -> Prompt:
        prompt = super().__getitem__(index)
        message = Message(role="user", content=(f"{prompt.question} {index}",))
        return Prompt(
            uid=prompt.uid,
            messages=(message,),
            answer=prompt.answer,
            problem_type=prompt.problem_type,
        )


def batch(folder: Path, name: str) -> TrainBatch:
    """Two groups with ragged completions; the second has no image."""
    encoder = PromptEncoder(folder)
    with_images = DigitsDataset(split="train", num_prompts=4, seed=0)
    without = TextDigits(split="train", num_prompts=4, seed=0)
    prompts = [(with_images if name in VISION else without)[0], without[1]]
    generator = torch.Generator().manual_seed(0)
    rollouts = []
    for prompt in prompts:
        completions = []
        for length in (3, 7, 1):
            ids = tuple(torch.randint(40, 300, (length,), generator=generator).tolist())
            completions.append(
                completion(num_tokens=length, token_ids=ids, sampling_logps=(-1.0,) * length)
            )
        rollouts.append(
            Rollout(prompt=prompt, encoded=encoder(prompt), completions=tuple(completions))
        )
    return build_train_batch(rollouts)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_reading_shard_by_shard_is_from_pretrained(name: str, folders: dict[str, Path]) -> None:
    assert len(set(checkpoint_files(folders[name]).values())) > 5
    filled = empty_model(folders[name])
    fill(filled, folders[name], device=torch.device("cpu"), offload=False)
    loaded = load_model(folders[name])
    for kind in ("named_parameters", "named_buffers"):
        mine, theirs = dict(getattr(filled, kind)()), dict(getattr(loaded, kind)())
        assert mine.keys() == theirs.keys()
        assert all(torch.equal(mine[key], theirs[key]) for key in theirs)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_names_in_files_are_those_of_the_hub(name: str, folders: dict[str, Path]) -> None:
    keys = set(checkpoint_files(folders[name]))
    layers = "model.language_model.layers" if name == "qwen3_vl" else "model.layers"
    assert f"{layers}.0.self_attn.q_proj.weight" in keys
    if name in VISION:
        tower = "model.visual" if name == "qwen3_vl" else "visual"
        assert f"{tower}.blocks.0.attn.qkv.weight" in keys


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_shared_rows_are_exact(name: str, folders: dict[str, Path]) -> None:
    data = batch(folders[name], name)
    gradients = {}
    for rows in ("shared", "naive"):
        model = load_model(folders[name]).double()
        scores = TokenScorer(model, rows=rows, temperature=0.7)(data)
        (scores.per_token_logps * torch.linspace(-1, 1, len(data.completion_ids))).sum().backward()
        gradients[rows] = {n: p.grad for n, p in model.named_parameters()}
        gradients[rows]["logps"] = scores.per_token_logps.detach()
    # transformers' norms compute in float32 whatever comes in, hence the tolerance.
    for key, value in gradients["naive"].items():
        assert value is not None, key
        torch.testing.assert_close(gradients["shared"][key], value, atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("name", VISION)
def test_parts_are_frozen_by_name_and_counted(name: str, folders: dict[str, Path]) -> None:
    whole = count_parameters(load_model(folders[name]))
    assert set(whole) == {"language model", "projector", "vision"}
    assert all(trained > 0 and frozen == 0 for trained, frozen in whole.values())
    model = ModelLoader(path="here", freeze=("vision",)).load(folders[name])
    counts = count_parameters(model)
    assert counts["vision"] == (0, whole["vision"][0])
    assert counts["projector"] == whole["projector"]
    merger = [p for n, p in model.named_parameters() if "merger" in n]
    assert merger
    assert all(p.requires_grad for p in merger)


@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.parametrize("checkpointing", [False, True])
def test_a_training_step(name: str, checkpointing: bool, folders: dict[str, Path]) -> None:
    loader = ModelLoader(path="here", gradient_checkpointing=checkpointing)
    run = Run(folders[name], num_steps=1, model=loader, sync=SyncSettings())
    if name not in VISION:
        run.data.train = TextDigits(split="train", num_prompts=40, seed=0)
    run.fit()
    row = run.logger.rows[0]
    assert row["kl"] == 0.0
    assert row["sampling/sampling_logp_difference/max"] < 1e-4  # the engine samples what is trained
    assert row["optim/frac_params_changed"] > 0.9


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_an_export_has_the_files_of_its_source(
    name: str, folders: dict[str, Path], tmp_path: Path
) -> None:
    source = folders[name]
    save_skeleton(source, tmp_path / "model")
    model = load_model(source)
    export(all_weights(model), tmp_path / "model", tmp_path / "out", max_shard_size="60KB")
    assert {f.name for f in source.iterdir()} <= {f.name for f in (tmp_path / "out").iterdir()} | {
        f.name for f in source.glob("*.safetensors")
    }
    assert set(checkpoint_files(tmp_path / "out")) == set(checkpoint_files(source))
    again = dict(load_model(tmp_path / "out").named_parameters())
    assert all(torch.equal(again[n], p) for n, p in model.named_parameters())


def test_vlmevalkit_finds_what_it_reads(folders: dict[str, Path], tmp_path: Path) -> None:
    """Its Qwen2VLChat takes the architecture from config.json and the rest by AutoProcessor."""
    source = folders["qwen2_5_vl"]
    save_skeleton(source, tmp_path / "model")
    export(all_weights(load_model(source)), tmp_path / "model", tmp_path / "out")
    config: dict[str, Any] = json.loads((tmp_path / "out" / "config.json").read_text())
    assert config["architectures"] == ["Qwen2_5_VLForConditionalGeneration"]
    assert AutoConfig.from_pretrained(tmp_path / "out").model_type == "qwen2_5_vl"
    for file in ("preprocessor_config.json", "tokenizer.json", "tokenizer_config.json"):
        assert (tmp_path / "out" / file).is_file()


def test_a_bfloat16_policy_is_refused() -> None:
    with pytest.raises(ValueError, match=r"model\.dtype is bfloat16 .*model/lora=default"):
        ModelLoader(path="here", dtype="bfloat16")
