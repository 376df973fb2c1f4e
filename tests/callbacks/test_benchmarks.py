"""Benchmarks during training: when they are asked, and the same after a resume."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch

from sophia.benchmarks.grader import BenchmarkGrader
from sophia.benchmarks.item import Graded, Item
from sophia.benchmarks.places import some_places
from sophia.callbacks.benchmarks import BenchmarkCallback, BenchmarkTrial
from sophia.callbacks.checkpoint import CheckpointCallback
from sophia.data.encode import PromptEncoder
from sophia.evaluation.evaluator import Evaluator
from sophia.run.metrics_file import read_metrics
from tests.benchmarks.whole.scripted import whole
from tests.short_run import LIGHTNINGS_REMARKS, Run

pytestmark = LIGHTNINGS_REMARKS


@dataclass(frozen=True, slots=True, kw_only=True)
class Letters:
    """What random weights can have some of, and what the run trains: lower-case letters."""

    def __call__(self, item: Item, answer: str) -> Graded:
        share = sum(c.islower() for c in answer) / max(len(answer), 1)
        return Graded(score=share, extracted=answer)


def asking(folder: Path, run_dir: Path, *, num_steps: int = 6, every_n_steps: int = 2) -> Run:
    """A run that asks 16 of the digits' questions."""
    run = Run(folder, num_steps=num_steps)
    digits = whole("digits", run_dir.parent)
    benchmark = replace(digits.benchmark, rule=Letters(), strict=None)
    grader = BenchmarkGrader(benchmark, chat=None)
    trial = BenchmarkTrial(
        prompts=replace(digits.prompts, benchmark=benchmark),
        places=some_places(digits.prompts.items, 16),
        evaluator=Evaluator(
            engine=run.engine,
            encoder=PromptEncoder(folder),
            grader=grader,
            max_new_tokens=10,
            temperature=1.0,
        ),
        grader=grader,
    )
    run.callbacks += [
        BenchmarkCallback(
            run_dir=run_dir, benchmarks=[trial], sync=run.sync, every_n_steps=every_n_steps,
            num_steps=6,
        ),
        CheckpointCallback(run_dir=run_dir, every_n_steps=3, num_steps=6, keep_last=9),
    ]  # fmt: skip
    return run


def test_a_resume_asks_what_a_run_without_a_break_asks(tiny_folder: Path, tmp_path: Path) -> None:
    whole_run = asking(tiny_folder, tmp_path / "whole").fit()
    asking(tiny_folder, tmp_path / "cut", num_steps=5).fit()  # its checkpoint is after three steps
    resumed = asking(tiny_folder, tmp_path / "cut")
    resumed.fit(ckpt_path=tmp_path / "cut" / "checkpoints" / "step_000003.ckpt")
    rows = read_metrics(tmp_path / "cut" / "benchmarks.csv")
    assert rows == read_metrics(tmp_path / "whole" / "benchmarks.csv")
    assert [row["rl_step"] for row in rows] == ["0", "2", "4", "6"]
    assert {*rows[0]} - {"rl_step"} == {
        "digits/overall", "digits/category/larger", "digits/category/sum",
    }  # fmt: skip
    overall = [float(row["digits/overall"]) for row in rows]
    assert len(set(overall)) == 4, "every round asks other weights"
    logged = [row for row in whole_run.logger.rows if "benchmark/digits/overall" in row]
    assert [row["rl_step"] for row in logged] == [0, 2, 4, 6]
    assert [row["benchmark/digits/overall"] for row in logged] == overall


def test_asking_does_not_move_the_run(tiny_folder: Path, tmp_path: Path) -> None:
    with_them = asking(tiny_folder, tmp_path / "run").fit()
    without = Run(tiny_folder, num_steps=6).fit()
    for name, weight in with_them.weights.items():
        assert torch.equal(weight, without.weights[name])


def test_the_last_policy_is_asked(tiny_folder: Path, tmp_path: Path) -> None:
    asking(tiny_folder, tmp_path / "run", every_n_steps=4).fit()
    rows = read_metrics(tmp_path / "run" / "benchmarks.csv")
    assert [row["rl_step"] for row in rows] == ["0", "4", "6"]


def test_settings_are_checked(tiny_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"every_n_steps is 0; it must be at least 1"):
        asking(tiny_folder, tmp_path / "run", every_n_steps=0)
