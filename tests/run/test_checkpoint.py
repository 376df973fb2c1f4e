"""Sharded checkpoints: resumed by any number of processes, whole or not used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Callback, LightningModule, Trainer
from transformers import AutoModelForImageTextToText

from sophia.callbacks.checkpoint import CheckpointCallback
from sophia.models.export import save_skeleton
from sophia.run.checkpoint import checkpoint_path, is_whole, last_whole_checkpoint, list_checkpoints
from sophia.run.convert import export_checkpoint, policy_state
from sophia.training.grpo_module import GRPOModule
from tests.once import made_once
from tests.processes import sharded_run
from tests.short_run import LIGHTNINGS_REMARKS, Run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def whole(
    larger_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, Any]]:
    """Four steps on two processes, saved after two by a writer in the background."""

    def make(root: Path) -> None:
        save_skeleton(larger_folder, root / "model")
        sharded_run(
            2, root / "out.pt", folder=larger_folder, num_steps=4, optimizer="adamw", save_after=2,
            checkpoints=root / "checkpoints", strategy={"asynchronous_checkpoints": True},
            decay=True,
        )  # fmt: skip

    folder = made_once(tmp_path_factory, "whole", make)
    return folder / "checkpoints", torch.load(folder / "out.pt", weights_only=True)


@pytest.mark.parametrize("world_size", [1, 2])
def test_resume_on_any_number_of_processes(
    world_size: int, whole: tuple[Path, dict[str, Any]], larger_folder: Path, tmp_path: Path
) -> None:
    checkpoints, expected = whole
    resumed = sharded_run(
        world_size, tmp_path / "out.pt", folder=larger_folder, num_steps=4, optimizer="adamw",
        checkpoints=checkpoints, resume=2, decay=True,
    )  # fmt: skip
    assert [row["rl_step"] for row in resumed["rows"]] == [2, 3]
    assert_continued(expected, resumed)


def test_one_process_writes_what_two_resume(tiny_folder: Path, tmp_path: Path) -> None:
    shared: dict[str, Any] = {
        "folder": tiny_folder,
        "num_steps": 4,
        "optimizer": "adamw",
        "decay": True,
    }
    checkpoints = tmp_path / "checkpoints"
    one = sharded_run(1, tmp_path / "1.pt", **shared, save_after=2, checkpoints=checkpoints)
    two = sharded_run(2, tmp_path / "2.pt", **shared, resume=2, checkpoints=checkpoints)
    assert_continued(one, two)


def assert_continued(expected: dict[str, Any], resumed: dict[str, Any]) -> None:
    for row, again in zip(expected["rows"][2:], resumed["rows"], strict=True):
        for name in ("reward", "kl", "loss", "grad_norm", "lr"):
            assert again[name] == pytest.approx(row[name], abs=1e-4)
    for name, value in expected["weights"].items():
        # Adam divides by the root of tiny second moments, which blows rounding up.
        torch.testing.assert_close(resumed["weights"][name], value, atol=2e-4, rtol=1e-3)


def test_a_checkpoint_is_as_large_as_what_is_trained(whole: tuple[Path, dict[str, Any]]) -> None:
    folder = checkpoint_path(whole[0], 2)
    size = sum(file.stat().st_size for file in folder.iterdir())
    policy = sum(value.numel() * 4 for value in whole[1]["weights"].values())
    assert size == pytest.approx(3 * policy, rel=0.1)  # and two moments; no reference


def test_export_is_the_policy(whole: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    checkpoint = checkpoint_path(whole[0], 2)
    export_checkpoint(checkpoint, tmp_path / "policy", max_shard_size="100KB")
    index = json.loads((tmp_path / "policy" / "model.safetensors.index.json").read_text())
    assert len(set(index["weight_map"].values())) > 2
    policy = AutoModelForImageTextToText.from_pretrained(tmp_path / "policy")
    state = policy_state(checkpoint)
    for name, parameter in policy.named_parameters():
        assert torch.equal(parameter, state[name])


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [_truncate, _flip, Path.unlink])
@pytest.mark.parametrize("pattern", ["__1_0.distcp", "meta.pt", "manifest.json", ".metadata"])
def test_damage_is_seen_and_the_one_before_is_used(
    pattern: str, damage: Any, whole: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    copies = tmp_path / "checkpoints"
    for step in (2, 4):
        _copy(checkpoint_path(whole[0], 2), checkpoint_path(copies, step))
    assert last_whole_checkpoint(copies) == (4, checkpoint_path(copies, 4))
    damage(checkpoint_path(copies, 4) / pattern)
    checkpoint_path(copies, 4).touch()
    assert last_whole_checkpoint(copies) == (2, checkpoint_path(copies, 2))


@pytest.mark.parametrize("damage", [_truncate, _flip])
def test_damage_to_a_single_file_is_seen(damage: Any, tmp_path: Path) -> None:
    for step in (1, 2):
        torch.save({"weights": torch.randn(1000)}, checkpoint_path(tmp_path, step))
    assert is_whole(checkpoint_path(tmp_path, 2))
    damage(checkpoint_path(tmp_path, 2))
    found = last_whole_checkpoint(tmp_path)
    assert found == (1, checkpoint_path(tmp_path, 1))


def test_what_a_killed_writer_leaves_is_no_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "step_000002.partial").mkdir()
    (tmp_path / "step_000001.deleted").mkdir()
    assert list_checkpoints(tmp_path) == []
    assert last_whole_checkpoint(tmp_path) is None


QUALITY = (0.3, 0.1, 0.9, 0.2, 0.8, 0.4, 0.1, 0.1)
"""After 1, 2, ... steps."""


class Quality(Callback):
    """A figure to choose checkpoints by."""

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        assert isinstance(pl_module, GRPOModule)
        pl_module.log("quality", QUALITY[pl_module.rl_step - 1], logger=False, batch_size=1)


def _kept_run(folder: Path, run_dir: Path) -> Run:
    keeping = CheckpointCallback(
        run_dir=run_dir, every_n_steps=1, num_steps=len(QUALITY), keep_last=2, keep_best=2,
        monitor="quality",
    )  # fmt: skip
    return Run(folder, num_steps=len(QUALITY), callbacks=[Quality(), keeping])


@LIGHTNINGS_REMARKS
def test_the_last_and_the_best_stay_and_can_be_resumed(tiny_folder: Path, tmp_path: Path) -> None:
    def kept() -> list[int]:
        return [step for step, _ in list_checkpoints(tmp_path / "checkpoints")]

    whole = _kept_run(tiny_folder, tmp_path).fit()
    assert kept() == [3, 5, 7, 8]  # the last two, and of those before them the best two
    for step in (7, 5):
        checkpoint = checkpoint_path(tmp_path / "checkpoints", step)
        resumed = _kept_run(tiny_folder, tmp_path).fit(ckpt_path=checkpoint)
        assert resumed.logger.rows == whole.logger.rows[step:]
        assert kept() == [3, 5, 7, 8]  # 6 is better than nothing, but 3 and 5 are known as better


def _copy(source: Path, target: Path) -> None:
    target.mkdir(parents=True)
    for file in source.iterdir():
        (target / file.name).write_bytes(file.read_bytes())
