"""Validation during training: when, what is best, when it stops, and exact resumes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from sophia.callbacks.checkpoint import CheckpointCallback
from sophia.callbacks.validation import ValidationCallback
from sophia.data.digits import DigitsDataset
from sophia.data.encode import PromptEncoder
from sophia.evaluation.evaluator import Evaluator, Prompts, run_evaluator
from sophia.evaluation.records import EvalRecord
from sophia.failures import EngineFailed
from sophia.rewards.digits_judge import DigitsJudge
from sophia.rollout.sync import SyncSettings
from sophia.rollout.transformers.engine import TransformersEngine
from sophia.run.metrics_file import read_metrics
from tests.records import record
from tests.short_run import LIGHTNINGS_REMARKS, AnyFormat, LetterShare, Run

pytestmark = LIGHTNINGS_REMARKS

PROMPTS = DigitsDataset(split="validation", num_prompts=4, seed=0)


class Scripted(Evaluator):
    """An evaluator whose accuracies are given."""

    def __init__(self, accuracies: list[float]) -> None:
        self._remaining = iter(accuracies)

    def evaluate(self, prompts: Prompts, *, description: str | None) -> list[EvalRecord]:
        right = round(10 * next(self._remaining))
        return [record(i, outcome=float(i < right)) for i in range(10)]


def validated(folder: Path, run_dir: Path, evaluator: Evaluator | None, **overrides: Any) -> Run:
    parts = {name: overrides.pop(name) for name in ("engine", "sync") if name in overrides}
    run = Run(folder, num_steps=overrides.pop("num_steps", 6), **parts)
    encoder = PromptEncoder(folder)
    real = run_evaluator(
        engine=run.engine, encoder=encoder, outcome=LetterShare(), format=AnyFormat(),
        judge=DigitsJudge(), max_new_tokens=4,
    )  # fmt: skip
    values: dict[str, Any] = {
        "run_dir": run_dir, "validation_prompts": PROMPTS, "evaluator": evaluator or real,
        "sync": run.sync, "every_n_steps": 2, "num_steps": 6,
    }  # fmt: skip
    checkpoints = CheckpointCallback(run_dir=run_dir, every_n_steps=3, num_steps=6, keep_last=9)
    run.callbacks += [ValidationCallback(**{**values, **overrides}), checkpoints]
    return run


def steps_and_accuracies(run_dir: Path) -> list[tuple[int, float]]:
    rows = read_metrics(run_dir / "validation.csv")
    return [(int(row["rl_step"]), float(row["accuracy"])) for row in rows]


def test_before_the_first_step_and_after_every_second(tiny_folder: Path, tmp_path: Path) -> None:
    run = validated(tiny_folder, tmp_path, Scripted([0.1, 0.5, 0.4, 0.5])).fit()
    assert steps_and_accuracies(tmp_path) == [(0, 0.1), (2, 0.5), (4, 0.4), (6, 0.5)]
    logged = [row for row in run.logger.rows if "validation/accuracy" in row]
    assert [row["rl_step"] for row in logged] == [0, 2, 4, 6]


def test_the_best_weights_are_kept(tiny_folder: Path, tmp_path: Path) -> None:
    run = validated(tiny_folder, tmp_path, Scripted([0.1, 0.2, 0.9, 0.9])).fit()
    assert [path.name for path in (tmp_path / "best").iterdir()] == ["step_000004.ckpt"]
    best = torch.load(tmp_path / "best" / "step_000004.ckpt", weights_only=True)["state_dict"]
    name, last = next(iter(run.weights.items()))
    assert not torch.equal(best[f"policy.model.{name}"], last)


def test_no_best_is_kept_when_nobody_asks(tiny_folder: Path, tmp_path: Path) -> None:
    evaluator = Scripted([0.1, 0.2, 0.9, 0.9])
    validated(tiny_folder, tmp_path, evaluator, save_best=False).fit()
    assert not (tmp_path / "best").exists()


def test_the_last_policy_is_validated(tiny_folder: Path, tmp_path: Path) -> None:
    validated(tiny_folder, tmp_path, Scripted([0.1, 0.2, 0.3]), every_n_steps=4).fit()
    assert [step for step, _ in steps_and_accuracies(tmp_path)] == [0, 4, 6]


def test_without_a_new_best_the_run_stops(tiny_folder: Path, tmp_path: Path) -> None:
    evaluator = Scripted([0.5, 0.6, 0.6, 0.9])
    run = validated(tiny_folder, tmp_path, evaluator, patience=1).fit()
    assert run.module.rl_step == 4
    assert (tmp_path / "checkpoints" / "step_000004.ckpt").is_file()  # not only every third
    again = validated(tiny_folder, tmp_path, Scripted([]), patience=1)
    again.fit(ckpt_path=tmp_path / "checkpoints" / "step_000004.ckpt")
    assert again.module.rl_step == 4  # it stays stopped


def test_a_small_gain_is_no_new_best(tiny_folder: Path, tmp_path: Path) -> None:
    evaluator = Scripted([0.5, 0.6, 0.7, 0.9])
    run = validated(tiny_folder, tmp_path, evaluator, patience=2, min_improvement=0.15).fit()
    assert run.module.rl_step == 6
    assert [p.name for p in (tmp_path / "best").iterdir()] == ["step_000006.ckpt"]  # 0.9, and 0.7


def test_a_resume_is_no_interruption(tiny_folder: Path, tmp_path: Path) -> None:
    whole = validated(tiny_folder, tmp_path / "whole", None).fit()
    validated(tiny_folder, tmp_path / "cut", None, num_steps=5).fit()  # checkpoint after three
    resumed = validated(tiny_folder, tmp_path / "cut", None)
    resumed.fit(ckpt_path=tmp_path / "cut" / "checkpoints" / "step_000003.ckpt")
    rows = steps_and_accuracies(tmp_path / "cut")
    assert [step for step, _ in rows] == [0, 2, 4, 6]
    assert rows == steps_and_accuracies(tmp_path / "whole")
    for name, weight in whole.weights.items():
        assert torch.equal(weight, resumed.weights[name])


def test_validation_does_not_move_the_run(tiny_folder: Path, tmp_path: Path) -> None:
    with_it = validated(tiny_folder, tmp_path, None).fit()
    without = Run(tiny_folder, num_steps=6).fit()
    for name, weight in with_it.weights.items():
        assert torch.equal(weight, without.weights[name])


class DeafAfterTwo(TransformersEngine):
    """Takes the weights of two pushes; of later ones it says so."""

    def load_weights(self, weights: Iterable[tuple[str, Tensor]]) -> int:
        given = list(weights)
        super().load_weights(given if self.weights_version < 2 else [])
        return len(given)


def test_the_weights_that_are_validated_are_proved_to_be_the_policys(
    tiny_folder: Path, tmp_path: Path
) -> None:
    # The rollout pushes once, the validation before it and after every second step.
    sync = SyncSettings(every_n_steps=100, canary=False)
    run = validated(tiny_folder, tmp_path, None, engine=DeafAfterTwo, sync=sync)
    with pytest.raises(EngineFailed, match="elements read back differ"):
        run.fit()
    assert run.engine.weights_version == 3
    assert steps_and_accuracies(tmp_path)[-1][0] == 0


def test_settings_are_checked(tiny_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"every_n_steps is 0; it must be at least 1"):
        validated(tiny_folder, tmp_path, None, every_n_steps=0)
