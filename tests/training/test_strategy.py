"""Sharded training gives the update of one process, whatever is on which process."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from sophia.models.load import ModelLoader, load_model
from sophia.models.lora import LoRA
from sophia.models.weights import all_weights
from sophia.training.update import UpdateConfig
from tests.processes import finish, sharded_run, start_processes
from tests.sharded_worker import TextOnly, second_ranks_prompts
from tests.short_run import Run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings(
        "ignore:.*does not have many workers",
        "ignore:.*module\\(s\\) in eval mode",
        "ignore:.*treespec, LeafSpec",
    ),
]

SAME = ("reward", "kl", "loss", "grad_norm", "entropy", "completions/mean_length")


def alone(folder: Path, *, text_only: bool = False, **overrides: Any) -> Run:
    """One process, nothing sharded; one step of SGD."""
    settings: dict[str, Any] = {
        "optimizer": partial(torch.optim.SGD, lr=1.0),
        "update": UpdateConfig(micro_batch_tokens=120),
    }
    run = Run(folder, num_steps=1, **{**settings, **overrides})
    if text_only:
        run.data.train = TextOnly(second_ranks_prompts(1))
    return run.fit()


def assert_same_update(one: Run, two: dict[str, Any]) -> None:
    for name in SAME:
        assert two["rows"][0][name] == pytest.approx(one.logger.rows[0][name], abs=1e-5)
    weights = one.weights
    assert set(weights) == set(two["weights"])
    for name, value in weights.items():
        torch.testing.assert_close(two["weights"][name], value, atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("rows", ["shared", "naive"])
def test_two_processes_give_the_update_of_one(rows: str, tiny_folder: Path, tmp_path: Path) -> None:
    two = sharded_run(
        2, tmp_path / "out.pt", folder=tiny_folder, rows=rows, canary=rows == "shared"
    )
    one = alone(tiny_folder, rows=rows)
    assert two["rows"][0].keys() == one.logger.rows[0].keys()
    for name in ("reward_std", "rewards/outcome/std", "accuracy", "outcome/graded", "entropy"):
        assert two["rows"][0][name] == pytest.approx(one.logger.rows[0][name], rel=1e-5)
    assert_same_update(one, two)
    before = dict(load_model(tiny_folder).named_parameters())
    assert all(not torch.equal(two["weights"][name], value) for name, value in before.items())


@pytest.mark.parametrize("rows", ["shared", "naive"])
def test_images_on_one_process_only(rows: str, tiny_folder: Path, tmp_path: Path) -> None:
    two = sharded_run(
        2, tmp_path / "out.pt", folder=tiny_folder, rows=rows, text_only_on_second=True,
        gradient_checkpointing=True, canary=rows == "shared",
    )  # fmt: skip
    assert_same_update(alone(tiny_folder, rows=rows, text_only=True), two)


@pytest.mark.parametrize("rows", ["shared", "naive"])
def test_images_on_one_of_two_copies_only(rows: str, tiny_folder: Path, tmp_path: Path) -> None:
    two = sharded_run(
        2, tmp_path / "out.pt", folder=tiny_folder, rows=rows, text_only_on_second=True,
        copies=True, canary=rows == "shared",
    )  # fmt: skip
    assert_same_update(alone(tiny_folder, rows=rows, text_only=True), two)


@pytest.mark.parametrize(
    ("copies", "which"), [(False, "policy"), (False, "reference"), (True, "policy")]
)
def test_without_the_empty_image_collectives_do_not_meet(
    copies: bool, which: str, tiny_folder: Path, tmp_path: Path
) -> None:
    """The negative control of the tests above; the next one is its own."""
    processes = start_processes(
        2, tmp_path / "out.pt", folder=tiny_folder, text_only_on_second=True, copies=copies,
        without_guard=which, timeout_s=10, strategy={"timeout_s": 10},
    )  # fmt: skip
    # gloo's messages for a mismatch, for a wait that is over, and for the end of the other process
    collective = "collective mismatch|Timed out|Connection closed by peer|finished reduction"
    with pytest.raises(AssertionError, match=collective):
        finish(processes, timeout_s=100.0)


def test_with_images_everywhere_the_empty_image_is_not_needed(
    tiny_folder: Path, tmp_path: Path
) -> None:
    two = sharded_run(2, tmp_path / "out.pt", folder=tiny_folder, without_guard="policy")
    assert_same_update(alone(tiny_folder), two)


def test_a_frozen_tower_is_whole_and_does_not_move(tiny_folder: Path, tmp_path: Path) -> None:
    two = sharded_run(
        2, tmp_path / "out.pt", folder=tiny_folder, freeze=["vision"], text_only_on_second=True,
        canary=True,
    )  # fmt: skip
    loader = ModelLoader(path=str(tiny_folder), freeze=("vision",))
    assert_same_update(alone(tiny_folder, text_only=True, model=loader), two)
    before = dict(load_model(tiny_folder).named_parameters())
    blocks = [name for name in before if "visual.blocks" in name]
    assert blocks
    assert all(torch.equal(two["weights"][name], before[name]) for name in blocks)


def test_adapters_on_two_processes(tiny_folder: Path, tmp_path: Path) -> None:
    two = sharded_run(2, tmp_path / "out.pt", folder=tiny_folder, lora=True, canary=True)
    loader = ModelLoader(path=str(tiny_folder), lora=LoRA(rank=4, alpha=8))
    one = alone(tiny_folder, model=loader)
    for name in SAME:
        assert two["rows"][0][name] == pytest.approx(one.logger.rows[0][name], abs=1e-5)
    merged = dict(all_weights(one.module.hf_model))
    assert set(merged) == set(two["weights"])
    for name, value in merged.items():
        torch.testing.assert_close(two["weights"][name], value, atol=2e-5, rtol=1e-4)
    assert two["rows"][0]["kl"] == 0.0


def test_bfloat16_compute_on_float32_masters(tiny_folder: Path, tmp_path: Path) -> None:
    strategy = {"compute_dtype": "bfloat16", "offload": ["optimizer", "reference"]}
    two = sharded_run(
        2, tmp_path / "out.pt", folder=tiny_folder, strategy=strategy, num_steps=2,
        gradient_checkpointing=True, text_only_on_second=True, optimizer="adamw", canary=True,
    )  # fmt: skip
    assert all(value.dtype == torch.float32 for value in two["weights"].values())
    first = two["rows"][0]
    assert first["kl"] == 0.0  # both passes compute the same in bfloat16
    assert first["sampling/sampling_logp_difference/mean"] < 0.05
    assert first["optim/frac_params_changed"] > 0.9
    assert [row["optim/skipped_steps"] for row in two["rows"]] == [0.0, 0.0]


def test_a_bfloat16_base_under_sharded_adapters(tiny_folder: Path, tmp_path: Path) -> None:
    strategy = {"compute_dtype": "bfloat16"}
    two = sharded_run(
        2, tmp_path / "out.pt", folder=tiny_folder, lora=True, dtype="bfloat16",
        strategy=strategy, optimizer="adamw", text_only_on_second=True, num_steps=2,
        canary=True,
    )  # fmt: skip
    assert two["rows"][0]["kl"] == 0.0
    assert two["rows"][1]["kl"] > 0.0
    assert two["rows"][0]["optim/frac_params_changed"] > 0.4  # lora_A gets no gradient at first


def test_one_process_with_a_gradient_that_is_not_finite_stops_all(
    tiny_folder: Path, tmp_path: Path
) -> None:
    two = sharded_run(2, tmp_path / "out.pt", folder=tiny_folder, num_steps=2, poison_on_second=1)
    assert [row["optim/skipped_steps"] for row in two["rows"]] == [0.0, 1.0]
    assert two["rows"][1]["optim/frac_params_changed"] == 0.0
    assert all(value.isfinite().all() for value in two["weights"].values())
