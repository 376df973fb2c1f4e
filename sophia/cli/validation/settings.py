"""The root keys of each command: what `python train.py key=value` may set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """Keys of configs/train.yaml. A node typed Any is one group of configs/."""

    name: str
    seed: int
    num_steps: int
    prompts_per_step: int
    num_generations: int
    run_dir: str
    resume: bool
    debug: bool
    cache_dir: str
    sampling: Any
    prompt_limits: Any
    model: Any
    data: Any
    template: Any
    algorithm: Any
    reward: Any
    annealing: Any
    judge: Any
    rollout: Any
    trainer: Any
    callbacks: dict[str, Any]
    logger: dict[str, Any]
    warm_start: Any
    evaluation: Any
    benchmarks: dict[str, Any]
    benchmark_root: str | None
    benchmark_limit: int | None
    benchmark_template: Literal["system", "whole"]


@dataclass(frozen=True, kw_only=True)
class PlanSettings(TrainSettings):
    """Keys of configs/plan.yaml: those of a run, and the machine."""

    num_devices: int
    device_gib: float


@dataclass(frozen=True, kw_only=True)
class CheckSettings(TrainSettings):
    """Keys of configs/check.yaml: those of a run, so that the very same settings are checked."""

    decode_images: bool


@dataclass(frozen=True, kw_only=True)
class OverlapSettings(TrainSettings):
    """Keys of configs/overlap.yaml: those of a run, so that its very own rows are compared."""

    thresholds: Any
    exclude: list[Literal["question", "image", "text"]]


@dataclass(frozen=True, kw_only=True)
class EvaluateSettings:
    """Keys of configs/evaluate.yaml."""

    name: str
    ckpt: str | list[str]
    seed: int
    run_dir: str | None
    debug: bool
    benchmarks: dict[str, Any]
    benchmark_root: str | None
    benchmark_template: Literal["system", "whole"]
    benchmark_judge: Any
    blind: bool
    limit: int | None
    processes: int
    share: str | None
    sampling: Any
    prompt_limits: Any
    data: Any
    template: Any
    reward: Any
    judge: Any
    rollout: Any
    evaluation: Any


@dataclass(frozen=True, kw_only=True)
class JudgeCheckSettings:
    """Keys of configs/judge_check.yaml."""

    debug: bool
    judge: Any


@dataclass(frozen=True, kw_only=True)
class ExportSettings:
    """Keys of configs/export.yaml."""

    name: str
    ckpt: str | None
    out: str | None
    push: str | None
    private: bool
    max_shard_size: str
    run_dir: str
    debug: bool


@dataclass(frozen=True, kw_only=True)
class ReportSettings:
    """Keys of configs/report.yaml."""

    run_dir: str | None
    debug: bool


@dataclass(frozen=True, kw_only=True)
class InspectSettings:
    """Keys of configs/inspect.yaml."""

    run_dir: str | None
    step: int | None
    group: int
    debug: bool


@dataclass(frozen=True, kw_only=True)
class InferSettings:
    """Keys of configs/infer.yaml."""

    ckpt: str
    image: str | list[str] | None
    question: str | int | float
    answer: str | int | float | None
    problem_type: str
    options: dict[str, str]
    seed: int
    debug: bool
    sampling: Any
    judge: Any
    prompt_limits: Any
    template: Any
    reward: Any
    rollout: Any
