"""A model that shared rows are not exact for: naive rows after a warning, or a refusal."""

from __future__ import annotations

import json
import logging
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import Gemma3Config, GPT2Config, GPT2LMHeadModel, Qwen2Config

from sophia.models import family
from sophia.models.exactness import TOLERANCE, naive_difference, settled_rows
from sophia.models.family import ModelFamily, refuse_what_is_never_right, why_not_shared
from sophia.models.load import ModelLoader, load_model
from sophia.models.policy import ScorerFactory
from sophia.models.scorer import TokenScorer
from sophia.types import RowsKind, TrainBatch
from tests.models.architectures import ARCHITECTURES, OTHERS, VISION, save_architecture
from tests.models.test_architectures import TextDigits, batch
from tests.short_run import LIGHTNINGS_REMARKS, Run

pytestmark = LIGHTNINGS_REMARKS

REASONS = {
    "gemma3_text": "model type 'gemma3_text' is of no family",
    "qwen3_5_text": "model type 'qwen3_5_text' is of no family",
    "qwen2_window": "shared rows are not exact for layers of kind sliding_attention",
    "mistral_window": "shared rows are not exact for layers of kind sliding_attention",
    "qwen2_5_vl_window": "shared rows are not exact for layers of kind sliding_attention",
}


@pytest.fixture(scope="module")
def folders(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("others")
    names = (*ARCHITECTURES, *OTHERS, "gemma2")
    return {name: save_architecture(name, root / name, tiny=tiny_folder) for name in names}


def settled(folder: Path, wanted: RowsKind = "shared", attention: str = "sdpa") -> RowsKind:
    return settled_rows(folder, wanted=wanted, temperature=0.7, attn_implementation=attention)


def data_of(name: str, folder: Path) -> TrainBatch:
    """Prompts with an image where the model sees."""
    return batch(folder, "qwen2_5_vl" if name.startswith(VISION) else "qwen2")


def ours(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """What this project logged, not transformers."""
    return [record for record in caplog.records if record.name.startswith("sophia.")]


@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.parametrize("wanted", ["shared", "naive"])
def test_a_known_model_costs_nothing(
    name: str, wanted: RowsKind, folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("sophia.models.exactness.load_model")
    assert settled(folders[name], wanted) == wanted


@pytest.mark.parametrize("name", OTHERS)
def test_any_other_model_gets_naive_rows_and_one_warning(
    name: str, folders: dict[str, Path], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="sophia"):
        assert settled(folders[name], "shared") == "naive"
    (record,) = ours(caplog)
    assert record.getMessage().startswith(REASONS[name])
    assert "uses naive rows" in record.getMessage()
    assert naive_difference(load_model(folders[name]), 0.7) <= TOLERANCE


@pytest.mark.parametrize("name", OTHERS)
def test_who_asked_for_naive_rows_is_not_warned(
    name: str, folders: dict[str, Path], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="sophia"):
        assert settled(folders[name], "naive") == "naive"
    assert not ours(caplog)


@pytest.mark.parametrize("name", OTHERS)
def test_a_wrong_claim_of_the_table_would_show(
    name: str, folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Why there is a table: on shared rows these models are wrong, and nothing crashes."""
    data = data_of(name, folders[name])
    with pytest.raises(ValueError, match=f"{REASONS[name]}.*algorithm.rows=naive"):
        TokenScorer(load_model(folders[name]), rows="shared", temperature=0.7)
    kinds = frozenset({"full_attention", "sliding_attention", "linear_attention"})
    known = tuple(replace(f, exact_layers=kinds) for f in family.FAMILIES)
    claimed = ModelFamily(model_types=("gemma3_text", "qwen3_5_text"), exact_layers=kinds)
    monkeypatch.setattr(family, "FAMILIES", (*known, claimed))
    with torch.no_grad():
        shared, naive = (
            TokenScorer(load_model(folders[name]), rows=rows, temperature=0.7)(data)
            for rows in ("shared", "naive")
        )
    assert (shared.per_token_logps - naive.per_token_logps).abs().max() > 0.01


@pytest.mark.parametrize("name", OTHERS)
def test_engine_and_trainer_agree_on_naive_rows(name: str, folders: dict[str, Path]) -> None:
    run = Run(folders[name], num_steps=1, rows="shared", model=ModelLoader(path="here"))
    if not name.startswith(VISION):
        run.data.train = TextDigits(split="train", num_prompts=40, seed=0)
    run.fit()
    assert run.module._budget.rows == run.module._performance._rows == "naive"
    row = run.logger.rows[0]
    assert row["kl"] == 0.0
    assert row["sampling/sampling_logp_difference/max"] < 1e-4
    assert row["optim/frac_params_changed"] > 0.9


def test_a_head_that_does_more_than_ours_is_refused(folders: dict[str, Path]) -> None:
    """Gemma 2 caps its logits; its attention scores too, which only eager attention does."""
    for attention in ("sdpa", "eager"):
        with pytest.raises(ValueError, match=r"'gemma2' is of no family.*up to \d.* away from"):
            settled(folders["gemma2"], "naive", attention)


def test_an_attention_that_leaves_something_out_is_refused(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    folder = edited(folders["gemma2"], tmp_path, final_logit_softcapping=None)
    with pytest.raises(ValueError, match=r"Try model\.attn_implementation=eager"):
        settled(folder)
    assert settled(folder, attention="eager") == "naive"


def test_a_model_without_our_body_and_head_is_refused(tmp_path: Path) -> None:
    config = GPT2Config(vocab_size=64, n_embd=16, n_layer=1, n_head=2)
    GPT2LMHeadModel(config).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"GPT2LMHeadModel cannot be trained: it has no body"):
        settled(tmp_path)


def test_what_no_rows_compute_rightly_is_refused(folders: dict[str, Path], tmp_path: Path) -> None:
    rope = {"rope_type": "dynamic", "rope_theta": 10_000.0, "factor": 2.0}
    folder = edited(folders["qwen2"], tmp_path / "rope", rope_parameters=rope)
    with pytest.raises(ValueError, match=r"rotary angles of type 'dynamic', which depend on"):
        settled(folder)
    with pytest.raises(ValueError, match=r"'gemma3' is a vision-language model of no known fam"):
        refuse_what_is_never_right(Gemma3Config())


def test_a_window_that_never_bites_is_exact(folders: dict[str, Path], tmp_path: Path) -> None:
    assert why_not_shared(Qwen2Config(use_sliding_window=True, max_window_layers=0)) is not None
    folder = edited(folders["qwen2_window"], tmp_path, sliding_window=2048)
    assert settled(folder) == "shared"
    data = data_of("qwen2_window", folder)
    with torch.no_grad():
        shared, naive = (
            TokenScorer(load_model(folder), rows=rows, temperature=0.7)(data)
            for rows in ("shared", "naive")
        )
    torch.testing.assert_close(shared.per_token_logps, naive.per_token_logps, atol=1e-5, rtol=0)


def test_policy_and_reference_follow_the_decision(folders: dict[str, Path]) -> None:
    factory = ScorerFactory(
        ModelLoader(path="here"), folders["gemma3_text"], rows="shared", temperature=1.0,
        entropy_grad=False,
    )  # fmt: skip
    policy = factory.policy()
    assert factory.rows == policy.rows == factory.reference(policy).rows == "naive"


def edited(source: Path, folder: Path, **settings: Any) -> Path:
    """The checkpoint with other settings in its configuration."""
    shutil.copytree(source, folder, dirs_exist_ok=True)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **settings}))
    return folder
