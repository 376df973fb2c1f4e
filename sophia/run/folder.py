"""A run is its folder: what lies where in it, which settings it holds, whether it goes on."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml

from sophia.run.checkpoint import last_whole_checkpoint
from sophia.run.metrics_file import STEP, read_metrics


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFolder:
    """The paths in a run's folder; what they name need not exist yet."""

    path: Path

    @property
    def name(self) -> str:
        """What the run is called: the ``name`` of its settings and that of its folder.

        Such as ``quickstart/2026-01-31_12-00-00``; one of the two where they are the same, and the
        folder's alone where there are no settings yet.
        """
        folder = self.path.resolve().name
        return folder if self.kind == folder else f"{self.kind}/{folder}"

    @property
    def kind(self) -> str:
        """The ``name`` of the run's settings, which runs share; that of its folder without any."""
        settings = yaml.safe_load(self.config.read_text()) if self.config.is_file() else None
        return str((settings or {}).get("name") or self.path.resolve().name)

    @property
    def config(self) -> Path:
        """The settings as YAML, interpolations left as they were written."""
        return self.path / "config.yaml"

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
    def checkpoints(self) -> Path:
        """What the run can be resumed from."""
        return self.path / "checkpoints"

    @property
    def best(self) -> Path:
        """The weights that did best in validation."""
        return self.path / "best"

    @property
    def exports(self) -> Path:
        """Checkpoints of the run in Hugging Face format, a folder each."""
        return self.path / "exports"

    @property
    def rollouts(self) -> Path:
        """The groups of the kept steps: completions, rewards, advantages."""
        return self.path / "rollouts"

    @property
    def validation(self) -> Path:
        """One row per validation during the run."""
        return self.path / "validation.csv"

    @property
    def benchmarks(self) -> Path:
        """One row per round of benchmarks during the run."""
        return self.path / "benchmarks.csv"

    def evaluation(self, when: Literal["before", "after"]) -> Path:
        """Held-out answers of the policy before or after training, with their grades."""
        return self.path / f"evaluation_{when}.jsonl"

    @property
    def report(self) -> Path:
        """The page of the run."""
        return self.path / "report.html"

    @property
    def curves(self) -> Path:
        """A picture of the curves."""
        return self.path / "curves.png"

    @property
    def timeline(self) -> Path:
        """A picture of when things ran in a few steps."""
        return self.path / "timeline.png"

    @property
    def heartbeat(self) -> Path:
        """Where each process is, and stacks of those that were stuck."""
        return self.path / "heartbeat"

    @property
    def trace(self) -> Path:
        """Profiles of a few steps."""
        return self.path / "trace"

    @property
    def output(self) -> Path:
        """What the run printed, where a sweep started it."""
        return self.path / "output.log"

    @property
    def has_begun(self) -> bool:
        """Whether there is a run in it."""
        return self.config.is_file()

    @property
    def has_steps(self) -> bool:
        """Whether a step of the run is done; a start that failed before has none."""
        return self.has_begun and self.num_steps_done > 0

    @property
    def num_steps_done(self) -> int:
        """How many RL steps are done, by the metrics or the latest checkpoint."""
        rows = read_metrics(self.metrics)
        return max(int(rows[-1][STEP]) + 1 if rows else 0, self.start_step)

    @property
    def is_finished(self) -> bool:
        """Whether the run has trained, and been evaluated, to its end."""
        return self.record.is_file()

    @property
    def final_accuracy(self) -> float | None:
        """Held-out accuracy in [0, 1] of the trained policy; None before the run has finished."""
        if not self.is_finished:
            return None
        accuracy: float | None = json.loads(self.record.read_text())["accuracy_after"]
        return accuracy

    @property
    def last_checkpoint(self) -> Path | None:
        """The path of the latest whole checkpoint, or None without one."""
        found = last_whole_checkpoint(self.checkpoints)
        return found[1] if found else None

    @property
    def start_step(self) -> int:
        """How many RL steps the latest whole checkpoint has behind it, 0 without one."""
        found = last_whole_checkpoint(self.checkpoints)
        return found[0] if found else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepFolder:
    """The places in the folder of a sweep, beside the folders of its runs."""

    path: Path

    @property
    def table(self) -> Path:
        """A row per finished run."""
        return self.path / "sweep.csv"

    @property
    def page(self) -> Path:
        """Settings, curves and runs, to look at."""
        return self.path / "sweep.html"


def is_policy(ckpt: Path) -> bool:
    """Whether a path is a run folder, a checkpoint, or a folder in Hugging Face format."""
    is_folder = (ckpt / "config.json").is_file() or RunFolder(path=ckpt).has_begun
    return is_folder or (ckpt.suffix == ".ckpt" and ckpt.exists())


def no_such_checkpoint(ckpt: Path) -> ValueError:
    """The error for what a user calls a checkpoint and is none."""
    found = "does not exist" if not ckpt.exists() else "is neither of them"
    hint = f" If it is a model of the Hub, first say hf download {ckpt}." if of_hub(ckpt) else ""
    return ValueError(
        f"ckpt={ckpt} {found}; give a run folder, a checkpoint step_*.ckpt in one, or a folder in"
        f" Hugging Face format.{hint}"
    )


def of_hub(ckpt: Path) -> bool:
    """Whether a path that does not exist could be a model of the Hugging Face Hub, OWNER/MODEL."""
    return not ckpt.exists() and re.fullmatch(r"\w[\w.-]*/\w[\w.-]*", str(ckpt)) is not None


def run_around(path: Path) -> RunFolder | None:
    """The run that ``path`` is the folder of, or whose checkpoint or export it is; None if none."""
    for folder in (path, *path.parents[:2]):
        run = RunFolder(path=folder)
        if run.config.is_file() and run.skeleton.is_dir():
            return run
    return None
