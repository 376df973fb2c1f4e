"""A run is its folder: which one, what settings it holds, whether it is new or goes on."""

from __future__ import annotations

import difflib
import os
from dataclasses import dataclass
from pathlib import Path

from sophia.run.checkpoint import last_whole_checkpoint

_CONFIG = "config.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFolder:
    """The paths in a run's folder; what they name need not exist yet."""

    path: Path

    @property
    def config(self) -> Path:
        """The settings as YAML, interpolations left as they were written."""
        return self.path / _CONFIG

    @property
    def metrics(self) -> Path:
        """The metrics as CSV, one row per RL step."""
        return self.path / "metrics.csv"

    @property
    def policy(self) -> Path:
        """The folder with the trained policy in Hugging Face format."""
        return self.path / "policy"

    @property
    def record(self) -> Path:
        """The record of a finished run as JSON: what ran, on what, how long, what came out."""
        return self.path / "run.json"

    @property
    def gallery(self) -> Path:
        """Small images of the first held-out prompts, for the report."""
        return self.path / "gallery.json"

    @property
    def skeleton(self) -> Path:
        """The folder with the policy's config, tokenizer and image processor, for exports."""
        return self.path / "model"

    @property
    def last_checkpoint(self) -> Path | None:
        """The path of the latest whole checkpoint, or None without one."""
        found = last_whole_checkpoint(self.path / "checkpoints")
        return found[1] if found else None

    @property
    def start_step(self) -> int:
        """How many RL steps the latest whole checkpoint has behind it, 0 without one."""
        found = last_whole_checkpoint(self.path / "checkpoints")
        return found[0] if found else 0


def run_around(path: Path) -> RunFolder | None:
    """The run that ``path`` is the folder of, or whose checkpoint or export it is; None if none."""
    for folder in (path, *path.parents[:2]):
        run = RunFolder(path=folder)
        if run.config.is_file() and run.skeleton.is_dir():
            return run
    return None


def open_run_folder(path: Path, settings: str, *, resume: bool) -> RunFolder:
    """The folder of a new run, or of one with the very same settings that goes on.

    Args:
        path: the folder, made if it is not there.
        settings: the configuration as YAML, interpolations left as they were written.
        resume: whether a run goes on, rather than a new one begins.

    Raises:
        ValueError: a new run would write over another, there is nothing to resume, or the settings
            differ from those that the run was started with.
    """
    known = path / _CONFIG
    if not resume and known.is_file():
        raise ValueError(
            f"{path} already holds a run. Add resume=true to continue it, or choose another"
            " run_dir."
        )
    if resume and not known.is_file():
        raise ValueError(
            f"resume=true, but there is no run in {path} (no {_CONFIG}). Check run_dir, or leave"
            " resume away to start one."
        )
    if resume and known.read_text() != settings:
        raise ValueError(
            f"the run in {path} was started with other settings; resume it with the same, or start"
            f" a new one elsewhere. Theirs (-), yours (+):\n{_diff(known.read_text(), settings)}"
        )
    path.mkdir(parents=True, exist_ok=True)
    partial = path / (_CONFIG + ".partial")
    partial.write_text(settings)
    os.replace(partial, known)
    return RunFolder(path=path)


def _diff(theirs: str, yours: str) -> str:
    lines = difflib.unified_diff(theirs.splitlines(), yours.splitlines(), n=2, lineterm="")
    return "\n".join(list(lines)[2:])
