"""A training run as a value: its objects are fields, built in the order in which they stand."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from hydra.core.hydra_config import HydraConfig
from lightning import Trainer
from lightning.pytorch.loggers import Logger
from omegaconf import DictConfig

from sophia.cli.quiet import quiet_libraries
from sophia.cli.running.advice import warn_of_columns
from sophia.cli.running.benchmarks import benchmark_trials
from sophia.cli.running.build import build, build_each
from sophia.cli.running.data import DataPart, build_dataset, open_checked, prompt_fitter
from sophia.cli.running.parts import Parts, build_evaluator, build_parts
from sophia.cli.running.plan import show_memory_plan
from sophia.cli.running.preflight import ask_judge, check_disk, check_values, try_rewards
from sophia.cli.running.processes import is_rank_zero
from sophia.cli.running.warm_start import initial_policy
from sophia.data.datamodule import StepDataModule
from sophia.data.prompts import PromptDataset
from sophia.evaluation.evaluator import Evaluator
from sophia.evaluation.records import EvalRecord, load_records, save_records
from sophia.models.export import export_policy, save_skeleton
from sophia.models.load import ModelLoader
from sophia.report.gallery import save_images, small_images
from sophia.rewards.composer import RewardComposer
from sophia.rollout.sync import SyncSettings, WeightSync
from sophia.run.folder import RunFolder
from sophia.run.loggers import CSVMetrics
from sophia.timing import timed
from sophia.training.checkpoint_io import AtomicCheckpointIO
from sophia.training.grpo_module import GRPOModule
from sophia.training.strategy import leave_at_exit

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunData:
    """The prompts of a run with open images, and the loader that hands out steps of them."""

    train: PromptDataset
    heldout: PromptDataset
    validation: PromptDataset | None
    steps: StepDataModule


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One training run. ``timings`` are seconds by phase, filled in as it goes."""

    cfg: DictConfig
    folder: RunFolder
    model: ModelLoader
    parts: Parts
    data: RunData
    evaluator: Evaluator
    composer: RewardComposer
    sync: WeightSync
    module: GRPOModule
    trainer: Trainer
    timings: dict[str, float]


@contextmanager
def opened_run(cfg: DictConfig, folder: RunFolder) -> Iterator[Run]:
    """Build the run; what holds processes and connections is closed at the end."""
    quiet_libraries()
    check_values(cfg)
    ask_judge(cfg)
    start_step = folder.start_step if cfg.resume else 0
    loggers = build_each(cfg, "logger", {"run_dir": folder.path, "start_step": start_step})
    timings: dict[str, float] = {}
    with timed(timings, "total"), ExitStack() as closing:
        datasets = {part: build_dataset(cfg, part) for part in _parts_of_data(cfg)}
        model: ModelLoader = build(cfg, "model")
        with timed(timings, "warm_start"):
            policy_folder = initial_policy(cfg, model, datasets["train"])
        if is_rank_zero():
            save_skeleton(policy_folder, folder.skeleton)
            check_disk(cfg, model, policy_folder, folder.path)
        show_memory_plan(cfg, model, policy_folder)
        parts = build_parts(cfg, policy_folder)
        closing.callback(parts.close)
        data = _open_data(cfg, parts, datasets)
        evaluator = build_evaluator(cfg, parts)
        composer = _build_composer(cfg, parts)
        closing.callback(composer.close)
        try_rewards(composer.extra, data.train[0], parts.encoder, group_size=cfg.num_generations)
        settings = build(cfg, "callbacks.rollout.sync") or SyncSettings()
        sync = WeightSync(parts.engine, settings, seed=cfg.seed)
        trials = benchmark_trials(cfg, engine=parts.engine, encoder=parts.encoder)
        yield Run(
            cfg=cfg,
            folder=folder,
            model=model,
            parts=parts,
            data=data,
            evaluator=evaluator,
            composer=composer,
            sync=sync,
            module=build(cfg, "algorithm", {"model": model, "policy_folder": policy_folder}),
            trainer=_build_trainer(
                cfg,
                folder,
                data,
                list(loggers.values()),
                {
                    "engine": parts.engine,
                    "sync": sync,
                    "composer": composer,
                    "evaluator": evaluator,
                    "sampling": parts.sampling,
                    "benchmarks": trials,
                },
            ),
            timings=timings,
        )


def _parts_of_data(cfg: DictConfig) -> list[DataPart]:
    """Validation prompts are read only when something validates."""
    validates = cfg.data.get("validation") is not None and cfg.callbacks.get("validation")
    return ["train", "heldout", "validation"] if validates else ["train", "heldout"]


def _open_data(cfg: DictConfig, parts: Parts, datasets: dict[DataPart, Any]) -> RunData:
    fitter = prompt_fitter(cfg, parts.encoder)
    warn_of_columns(cfg, datasets)
    opened = open_checked(datasets, fitter, parts.outcome, seed=cfg.seed)
    offered: dict[str, Any] = {"validation": None}
    offered |= {str(name): dataset for name, dataset in opened.items()}
    offered |= {name: cfg[name] for name in ("num_steps", "prompts_per_step", "seed")}
    return RunData(
        train=opened["train"],
        heldout=opened["heldout"],
        validation=opened.get("validation"),
        steps=build(cfg, "data", {**offered, "encoder": parts.encoder}),
    )


def _build_composer(cfg: DictConfig, parts: Parts) -> RewardComposer:
    composer: RewardComposer = build(
        cfg,
        "reward",
        {
            "annealing": build(cfg, "annealing"),
            "judge": parts.judge,
            "outcome": parts.outcome,
            "format": parts.format,
        },
    )
    return composer


def _build_trainer(
    cfg: DictConfig,
    folder: RunFolder,
    data: RunData,
    loggers: Sequence[Logger],
    objects: Mapping[str, Any],
) -> Trainer:
    """The trainer with its loggers, and callbacks that may ask for any of ``objects``."""
    if data.validation is None and cfg.callbacks.get("validation") is not None:
        log.info("data.validation is null: no validation during the run")
    callbacks = build_each(
        cfg,
        "callbacks",
        {
            **objects,
            "run_dir": folder.path,
            "validation_prompts": data.validation,
            "num_generations": cfg.num_generations,
            "num_steps": cfg.num_steps,
            "seed": cfg.seed,
            "name": cfg.name,
            "data_name": HydraConfig.get().runtime.choices["data"],
        },
        without=() if data.validation is not None else ("validation",),
    )
    trainer: Trainer = build(
        cfg,
        "trainer",
        {
            "logger": [CSVMetrics(folder.metrics), *loggers],
            "callbacks": list(callbacks.values()),
            "plugins": [AtomicCheckpointIO()],
        },
    )
    return trainer


def evaluate(run: Run, when: Literal["before", "after"]) -> list[EvalRecord]:
    """Ask the engine's weights the held-out questions; kept, so that no resume repeats it."""
    path = run.folder.evaluation(when)
    if run.cfg.resume and path.is_file():
        return load_records(path)
    with timed(run.timings, f"evaluation_{when}"):
        records = run.evaluator.evaluate(run.data.heldout, description=f"evaluation {when}")
    if is_rank_zero():
        save_records(path, records)
        if not run.folder.gallery.is_file():
            save_images(run.folder.gallery, small_images(run.data.heldout))
    return records


def fit(run: Run) -> None:
    """Train, from the last whole checkpoint where there is one."""
    with timed(run.timings, "grpo"):
        run.trainer.fit(
            run.module, run.data.steps, ckpt_path=run.folder.last_checkpoint, weights_only=True
        )
    leave_at_exit()


def save_policy(run: Run) -> None:
    """Write the trained policy in Hugging Face format, and hand it to the engine."""
    with timed(run.timings, "export"):
        export_policy(
            run.module.hf_model, run.folder.skeleton, run.folder.policy, write=is_rank_zero()
        )
    run.sync.push_and_prove(run.module, rl_step=run.module.rl_step)
