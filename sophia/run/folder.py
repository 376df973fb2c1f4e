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
    """The places in a run's folder."""

    path: Path

    @property
    def config(self) -> Path:
        """The settings, interpolations unresolved."""
        return self.path / _CONFIG

    @property
    def metrics(self) -> Path:
        """One row per RL step."""
        return self.path / "metrics.csv"

    @property
    def policy(self) -> Path:
        """The trained policy in Hugging Face format."""
        return self.path / "policy"

    @property
    def record(self) -> Path:
        """run.json."""
        return self.path / "run.json"

    def evaluation(self, when: str) -> Path:
        """Answers to the held-out questions, ``before`` and ``after`` training."""
        return self.path / f"evaluation_{when}.jsonl"

    @property
    def gallery(self) -> Path:
        """Small images of the first held-out prompts, for the report."""
        return self.path / "gallery.json"

    @property
    def skeleton(self) -> Path:
        """Config, tokenizer and image processor of the policy, to export checkpoints with."""
        return self.path / "model"

    @property
    def last_checkpoint(self) -> Path | None:
        """The latest whole checkpoint."""
        found = last_whole_checkpoint(self.path / "checkpoints")
        return found[1] if found else None

    @property
    def start_step(self) -> int:
        """RL steps that the latest whole checkpoint has behind it."""
        found = last_whole_checkpoint(self.path / "checkpoints")
        return found[0] if found else 0


def run_around(path: Path) -> RunFolder | None:
    """The run that a policy is of: the folder itself, or the one its checkpoint or export is in."""
    for folder in (path, *path.parents[:2]):
        run = RunFolder(path=folder)
        if run.config.is_file() and run.skeleton.is_dir():
            return run
    return None


def open_run_folder(path: Path, settings: str, *, resume: bool) -> RunFolder:
    """A new folder, or the one of a run with the very same settings that goes on.

    ``settings`` is the resolved configuration as YAML. Raises ValueError when a new run would
    write over another, when there is nothing to resume, and when the settings differ.
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
