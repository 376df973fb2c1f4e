"""Sharded training gives the update of one process, whatever is on which process."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from sophia.models.load import ModelLoader, load_model
from sophia.models.lora import LoRA
from sophia.models.weights import all_weights
from sophia.training.update import UpdateConfig
from tests.once import made_once
from tests.processes import finish, start_processes
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

TEXT_ON_SECOND = {"text_only_on_second": True}
CASES: dict[str, dict[str, Any]] = {
    "shared": {"canary": True},
    "naive": {"rows": "naive"},
    "images on one, shared": {**TEXT_ON_SECOND, "gradient_checkpointing": True, "canary": True},
    "images on one, naive": {**TEXT_ON_SECOND, "gradient_checkpointing": True, "rows": "naive"},
    "without guard": {"without_guard": "policy"},
    "frozen": {**TEXT_ON_SECOND, "freeze": ["vision"], "canary": True},
    "adapters": {"lora": True, "canary": True},
    "bfloat16": {
        **TEXT_ON_SECOND, "num_steps": 2, "optimizer": "adamw", "gradient_checkpointing": True,
        "strategy": {"compute_dtype": "bfloat16", "offload": ["optimizer", "reference"]},
        "canary": True,
    },
    "bfloat16 adapters": {
        **TEXT_ON_SECOND, "num_steps": 2, "optimizer": "adamw", "lora": True, "dtype": "bfloat16",
        "strategy": {"compute_dtype": "bfloat16"}, "canary": True,
    },
    "not finite": {"num_steps": 2, "poison_on_second": 1},
}  # fmt: skip
COPIES: dict[str, dict[str, Any]] = {
    "shared": {**TEXT_ON_SECOND, "canary": True},
    "naive": {**TEXT_ON_SECOND, "rows": "naive"},
}

Results = Callable[[str], dict[str, Any]]


def results(
    factory: pytest.TempPathFactory, name: str, cases: dict[str, dict[str, Any]], **shared: Any
) -> Results:
    """What each of these cases leaves, by name; one pair of processes runs them all in turn."""

    def make(root: Path) -> None:
        own = [{**case, "out": str(root / f"{label}.pt")} for label, case in cases.items()]
        root.mkdir()
        finish(start_processes(2, root / "out.pt", **shared, cases=own))

    folder = made_once(factory, name, make)
    return lambda label: dict(torch.load(folder / f"{label}.pt", weights_only=True))


@pytest.fixture(scope="module")
def sharded(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Of two processes, each with a half of every weight."""
    return results(tmp_path_factory, "sharded", CASES, folder=tiny_folder)


@pytest.fixture(scope="module")
def copied(tiny_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Of two processes, each with all of the weights."""
    return results(tmp_path_factory, "copied", COPIES, folder=tiny_folder, copies=True)


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
def test_two_processes_give_the_update_of_one(
    rows: str, sharded: Results, tiny_folder: Path
) -> None:
    two = sharded(rows)
    one = alone(tiny_folder, rows=rows)
    assert two["rows"][0].keys() == one.logger.rows[0].keys()
    for name in ("reward_std", "rewards/outcome/std", "accuracy", "outcome/graded", "entropy"):
        assert two["rows"][0][name] == pytest.approx(one.logger.rows[0][name], rel=1e-5)
    assert_same_update(one, two)
    before = dict(load_model(tiny_folder).named_parameters())
    assert all(not torch.equal(two["weights"][name], value) for name, value in before.items())


@pytest.mark.parametrize("rows", ["shared", "naive"])
def test_images_on_one_process_only(rows: str, sharded: Results, tiny_folder: Path) -> None:
    two = sharded(f"images on one, {rows}")
    assert_same_update(alone(tiny_folder, rows=rows, text_only=True), two)


@pytest.mark.parametrize("rows", ["shared", "naive"])
def test_images_on_one_of_two_copies_only(rows: str, copied: Results, tiny_folder: Path) -> None:
    assert_same_update(alone(tiny_folder, rows=rows, text_only=True), copied(rows))


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
    sharded: Results, tiny_folder: Path
) -> None:
    assert_same_update(alone(tiny_folder), sharded("without guard"))


def test_a_frozen_tower_is_whole_and_does_not_move(sharded: Results, tiny_folder: Path) -> None:
    two = sharded("frozen")
    loader = ModelLoader(path=str(tiny_folder), freeze=("vision",))
    assert_same_update(alone(tiny_folder, text_only=True, model=loader), two)
    before = dict(load_model(tiny_folder).named_parameters())
    blocks = [name for name in before if "visual.blocks" in name]
    assert blocks
    assert all(torch.equal(two["weights"][name], before[name]) for name in blocks)


def test_adapters_on_two_processes(sharded: Results, tiny_folder: Path) -> None:
    two = sharded("adapters")
    loader = ModelLoader(path=str(tiny_folder), lora=LoRA(rank=4, alpha=8))
    one = alone(tiny_folder, model=loader)
    for name in SAME:
        assert two["rows"][0][name] == pytest.approx(one.logger.rows[0][name], abs=1e-5)
    merged = dict(all_weights(one.module.hf_model))
    assert set(merged) == set(two["weights"])
    for name, value in merged.items():
        torch.testing.assert_close(two["weights"][name], value, atol=2e-5, rtol=1e-4)
    assert two["rows"][0]["kl"] == 0.0


def test_bfloat16_compute_on_float32_masters(sharded: Results) -> None:
    two = sharded("bfloat16")
    assert all(value.dtype == torch.float32 for value in two["weights"].values())
    first = two["rows"][0]
    assert first["kl"] == 0.0  # both passes compute the same in bfloat16
    assert first["sampling/sampling_logp_difference/mean"] < 0.05
    assert first["optim/frac_params_changed"] > 0.9
    assert [row["optim/skipped_steps"] for row in two["rows"]] == [0.0, 0.0]


def test_a_bfloat16_base_under_sharded_adapters(sharded: Results) -> None:
    two = sharded("bfloat16 adapters")
    assert two["rows"][0]["kl"] == 0.0
    assert two["rows"][1]["kl"] > 0.0
    assert two["rows"][0]["optim/frac_params_changed"] > 0.4  # lora_A gets no gradient at first


def test_one_process_with_a_gradient_that_is_not_finite_stops_all(sharded: Results) -> None:
    two = sharded("not finite")
    assert [row["optim/skipped_steps"] for row in two["rows"]] == [0.0, 1.0]
    assert two["rows"][1]["optim/frac_params_changed"] == 0.0
    assert all(value.isfinite().all() for value in two["weights"].values())
