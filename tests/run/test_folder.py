"""A folder is one run."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from sophia.run.folder import RunFolder, open_run_folder


def test_a_run_is_not_written_over(tmp_path: Path) -> None:
    open_run_folder(tmp_path / "run", "seed: 0\n", resume=False)
    with pytest.raises(ValueError, match=r"already holds a run\. Add resume=true"):
        open_run_folder(tmp_path / "run", "seed: 0\n", resume=False)


def test_nothing_to_resume_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there is no run in"):
        open_run_folder(tmp_path / "run", "seed: 0\n", resume=True)


def test_other_settings_are_refused_with_a_diff(tmp_path: Path) -> None:
    open_run_folder(tmp_path / "run", "seed: 0\nlr: 1\n", resume=False)
    with pytest.raises(ValueError, match=r"(?s)other settings.*-lr: 1\n\+lr: 2"):
        open_run_folder(tmp_path / "run", "seed: 0\nlr: 2\n", resume=True)


def test_the_latest_whole_checkpoint_is_found(tmp_path: Path) -> None:
    folder = open_run_folder(tmp_path / "run", "seed: 0\n", resume=False)
    assert folder.start_step == 0
    checkpoints = folder.path / "checkpoints"
    checkpoints.mkdir()
    for name in ("step_000020.ckpt", "step_000100.ckpt", "step_000120.partial", "other.ckpt"):
        torch.save({"rl_step": 0}, checkpoints / name)
    (checkpoints / "step_000110.ckpt").touch()  # cut off: not whole
    assert folder.last_checkpoint == checkpoints / "step_000100.ckpt"
    assert folder.start_step == 100


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ("seed: 0\nname: quickstart\n", "quickstart/2026-01-31"),
        ("name: 'it''s'\n", "it's/2026-01-31"),
        ("name: 2026-01-31\n", "2026-01-31"),
        ("data:\n  name: rows\n", "2026-01-31"),
    ],
)
def test_a_run_is_called_by_its_settings_and_its_folder(
    settings: str, name: str, tmp_path: Path
) -> None:
    folder = RunFolder(path=tmp_path / "2026-01-31")
    assert folder.name == "2026-01-31"  # before there are settings
    folder.path.mkdir()
    folder.config.write_text(settings)
    assert folder.name == name
