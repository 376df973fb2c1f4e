"""Checkpoints that are whole or absent, and finding the last of a run."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins import TorchCheckpointIO

_NAME = re.compile(r"step_(\d+)\.ckpt")


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes under a temporary name, forces it to disk, then renames."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None
    ) -> None:
        """Write the file; a kill at any moment leaves the old state or the new one."""
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_suffix(".partial")
        with partial.open("wb") as file:
            torch.save(checkpoint, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, target)


def checkpoint_path(folder: Path, rl_step: int) -> Path:
    """Where the state after ``rl_step`` RL steps is kept."""
    return folder / f"step_{rl_step:06d}.ckpt"


def list_checkpoints(folder: Path) -> list[tuple[int, Path]]:
    """(RL steps done, file), earliest first."""
    found = [
        (int(match[1]), path)
        for path in folder.glob("step_*.ckpt")
        if (match := _NAME.fullmatch(path.name))
    ]
    return sorted(found)
