"""Kept rollouts are those that were trained on, advantages included."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from sophia.callbacks.checkpoint import CheckpointCallback
from sophia.callbacks.keep_groups import KeepRolloutsCallback
from sophia.run.groups import kept_steps, load_groups
from tests.short_run import LIGHTNINGS_REMARKS, Run

pytestmark = LIGHTNINGS_REMARKS


def kept(folder: Path, run_dir: Path, num_steps: int) -> Run:
    callbacks = [
        KeepRolloutsCallback(run_dir=run_dir),
        CheckpointCallback(run_dir=run_dir, every_n_steps=2, num_steps=num_steps, keep_last=9),
    ]
    return Run(folder, num_steps=num_steps, callbacks=callbacks)


def test_advantages_are_those_of_the_loss(tiny_folder: Path, tmp_path: Path) -> None:
    kept(tiny_folder, tmp_path, 2).fit()
    groups = load_groups(tmp_path / "rollouts", 1)
    assert len(groups) == 4
    for group in groups:
        totals = torch.tensor([c.total for c in group.completions], dtype=torch.float64)
        expected = (totals - totals.mean()) / (totals.std() + 1e-6)  # eq. 6
        got = torch.tensor([c.advantage for c in group.completions], dtype=torch.float64)
        torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-5)
        assert group.images[0].startswith(b"\x89PNG")


def test_a_resumed_run_leaves_what_a_whole_one_does(tiny_folder: Path, tmp_path: Path) -> None:
    kept(tiny_folder, tmp_path / "whole", 4).fit()
    kept(tiny_folder, tmp_path / "cut", 3).fit()  # steps 0 to 2; its checkpoint is after two
    torn = tmp_path / "cut" / "rollouts" / "step_000003-rank_0.partial"
    torn.write_bytes(b"PAR1")
    resumed = kept(tiny_folder, tmp_path / "cut", 4)
    resumed.fit(ckpt_path=tmp_path / "cut" / "checkpoints" / "step_000002.ckpt")
    folders = [tmp_path / name / "rollouts" for name in ("whole", "cut")]
    assert kept_steps(folders[0]) == kept_steps(folders[1]) == [0, 1, 2, 3]
    for step in range(4):
        assert load_groups(folders[0], step) == load_groups(folders[1], step)


def test_some_steps_without_images(tiny_folder: Path, tmp_path: Path) -> None:
    callback = KeepRolloutsCallback(run_dir=tmp_path, every_n_steps=2, max_image_side=0)
    Run(tiny_folder, num_steps=3, callbacks=[callback]).fit()
    assert kept_steps(tmp_path / "rollouts") == [0, 2]
    assert load_groups(tmp_path / "rollouts", 2)[0].images == ()


def test_the_period_is_checked(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"every_n_steps is 0"):
        KeepRolloutsCallback(run_dir=tmp_path, every_n_steps=0)
