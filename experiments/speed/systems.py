"""The command of each system at a shape. Standard library only."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from experiments.speed.shapes import (
    BETA,
    LEARNING_RATE,
    MAX_GRAD_NORM,
    NUM_GENERATIONS,
    SHAPES,
    STUDY,
    WEIGHT_DECAY,
)

TRL_PYTHON = STUDY / "venv-trl/bin/python"
SILENT = (
    "heartbeat",
    "validation",
    "checkpoint",
    "rollouts",
    "samples",
    "timeline",
    "report",
    "progress",
    "health",
    "histograms",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One way to run TRL; all other settings are its defaults or given by the comparison."""

    micro_batches: int = 1
    """``gradient_accumulation_steps``; ``per_device_train_batch_size`` is what is left."""
    arguments: str = "{}"
    """Further keys of its ``GRPOConfig``, as JSON."""


TRL_SETTINGS = {
    "one batch": Setting(),
    "4 micro-batches": Setting(micro_batches=4),
    "static cache": Setting(arguments='{"cache_implementation": "static"}'),
    "eager attention": Setting(arguments='{"model_init_kwargs": {"attn_implementation": "eager"}}'),
}


def trl_command(shape_name: str, setting: str, folder: Path) -> Sequence[str]:
    """TRL's GRPOTrainer in its own environment."""
    module = "experiments.speed.trl_run"
    return [str(TRL_PYTHON), "-m", module, shape_name, setting, str(folder)]


def sophia_command(shape_name: str, rows: str, folder: Path) -> Sequence[str]:
    """The real program: what is switched off is what is not a step."""
    shape = SHAPES[shape_name]
    file = STUDY / "rows" / shape_name / "rows.jsonl"
    return [
        sys.executable,
        "train.py",
        f"algorithm.rows={rows}",
        "algorithm.update.micro_batch_tokens=1000000",  # a step in one piece
        f"model.path={STUDY / 'model'}",
        "model.tiny=null",
        "warm_start=none",
        "data=rows",
        f"data.train.sources.files.mine={file}",
        "data.train.part=[0.0,1.0]",
        "data.heldout.part=[0.0,1.0]",
        "data.heldout.limit=1",
        "data.num_workers=0",
        "evaluation.max_new_tokens=1",
        "template=plain",
        "prompt_limits.max_pixels=802816",
        f"num_steps={shape.steps}",
        f"prompts_per_step={shape.prompts}",
        f"num_generations={NUM_GENERATIONS}",
        f"sampling.max_new_tokens={shape.response_tokens}",
        "sampling.temperature=1.0",
        f"algorithm.loss.beta={BETA}",
        f"algorithm.optimizer.lr={LEARNING_RATE}",
        f"algorithm.optimizer.weight_decay={WEIGHT_DECAY}",
        "algorithm.lr_schedule.end=1.0",
        f"algorithm.update.max_grad_norm={MAX_GRAD_NORM}",
        "reward=outcome",
        "reward.format_mode=weight",
        "reward.format_weight=0.0",
        "+reward.extra.digits._target_=sophia.rewards.custom.CustomReward",
        "+reward.extra.digits.function=experiments/speed/reward.py:of_completion",
        "+reward.extra.digits.weight=1.0",
        "judge=constant",
        "logger=csv",
        "trainer.accelerator=cpu",
        *(f"callbacks.{name}=null" for name in SILENT),
        "+callbacks.clock._target_=experiments.speed.step_clock.StepClock",
        f"run_dir={folder}",
    ]
