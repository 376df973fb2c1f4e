"""One step of training by every shipped algorithm, alone or as one of several processes."""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from sophia.cli.commands import CONFIGS
from sophia.grpo.estimators.scores import AdvantageEstimator
from sophia.grpo.loss import LossConfig
from sophia.metrics import Metric
from sophia.models.weights import all_weights
from sophia.protocols import JudgeStep
from sophia.rollout.sync import SyncSettings
from sophia.training.strategy import ShardedStrategy
from sophia.training.update import UpdateConfig
from sophia.types import Completion, Prompt
from tests.composing import options
from tests.short_run import Run

NEVER_CUT = 16384  # tokens of a micro-batch


class LengthJudge:
    """Scores a thought by its length, so that a reward has two parts that differ."""

    def open_step(self) -> JudgeStep:
        return self

    def submit(
        self, prompt: Prompt, completions: Sequence[Completion]
    ) -> Future[tuple[float | None, ...]]:
        scores: Future[tuple[float | None, ...]] = Future()
        scores.set_result(tuple(len(c.text) % 7 / 6 for c in completions))
        return scores

    def metrics(self) -> dict[str, Metric]:
        return {}

    def close(self) -> None:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """What a shipped algorithm sets."""

    estimator: AdvantageEstimator
    loss: LossConfig
    update: UpdateConfig


def presets() -> dict[str, Preset]:
    """All of them by name, with at most two updates per rollout, the second of which has ratios."""
    found = {}
    with initialize_config_dir(version_base="1.3", config_dir=str(CONFIGS)):
        for name in options("algorithm"):
            node = compose(f"algorithm/{name}").algorithm
            update = instantiate(node["update"])
            steps = min(update.optimizer_steps_per_rollout, 2)
            found[name] = Preset(
                estimator=instantiate(node.estimator),
                loss=instantiate(node.loss),
                update=replace(update, optimizer_steps_per_rollout=steps),
            )
    return found


def run_of(preset: Preset, folder: Path, *, micro_batch_tokens: int) -> Run:
    """One RL step of SGD by a preset."""
    run = Run(
        folder,
        num_steps=1,
        optimizer=partial(torch.optim.SGD, lr=1.0),
        estimator=preset.estimator,
        loss=preset.loss,
        update=replace(preset.update, micro_batch_tokens=micro_batch_tokens),
        sync=SyncSettings(probe_every_n_steps=0, canary=False),
    )
    run.judge_by(LengthJudge())
    return run


def main() -> None:
    """Train by each in turn, then write the weights."""
    warnings.simplefilter("ignore")
    case = json.loads(sys.argv[1])
    weights: dict[str, Any] = {}
    for name, preset in torch.load(case["presets"], weights_only=False).items():
        run = run_of(preset, Path(case["folder"]), micro_batch_tokens=NEVER_CUT)
        run.fit(strategy=ShardedStrategy(compute_dtype="float32"), devices=case["world_size"])
        weights[name] = dict(all_weights(run.module.hf_model))
    if os.environ["RANK"] == "0":
        torch.save(weights, case["out"])


if __name__ == "__main__":
    main()
