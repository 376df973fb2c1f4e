"""`train`: compose -> validate -> build -> evaluate, train, evaluate -> show."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lightning import Callback, Trainer
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from sophia.cli.build import SHARED, build, build_all
from sophia.cli.memory_plan import check_fits, device_bytes, memory_plan, plan_table
from sophia.cli.parts import ENGINE_ARGUMENTS, shared_parts
from sophia.cli.processes import check_devices, check_launcher, is_rank_zero, world_size
from sophia.cli.prompts import DataPart, build_dataset, open_checked, prompt_fitter
from sophia.cli.quiet import quiet_libraries
from sophia.cli.results import save_results
from sophia.cli.settings import TrainSettings
from sophia.cli.step_table import step_table
from sophia.cli.validate import validate
from sophia.cli.warm_start import initial_policy
from sophia.evaluation.evaluator import Evaluator
from sophia.evaluation.records import EvalRecord, load_records, save_records
from sophia.models.export import export_policy, save_skeleton
from sophia.models.load import ModelLoader
from sophia.report.gallery import save_images, small_images
from sophia.rollout.sync import SyncSettings, WeightSync
from sophia.run.checkpoint import AtomicCheckpointIO
from sophia.run.folder import RunFolder, open_run_folder
from sophia.run.loggers import CSVMetrics
from sophia.timing import timed
from sophia.training.grpo_module import GRPOModule
from sophia.training.strategy import leave_at_exit

log = logging.getLogger(__name__)

_NUMBERS = ("num_generations", "num_steps", "prompts_per_step", "seed")


def validate_train(cfg: DictConfig) -> None:
    """Refuse what cannot work, before anything is built."""
    validate(cfg, TrainSettings, shared=(*SHARED, *ENGINE_ARGUMENTS))


def train(cfg: DictConfig, *, run_dir: Path, overrides: Sequence[str]) -> None:
    """One run, from its configuration to its folder."""
    validate_train(cfg)
    check_devices(cfg)
    check_launcher(cfg)
    table = step_table(cfg, world_size=world_size(cfg))
    folder = RunFolder(path=run_dir)
    if is_rank_zero():
        folder = open_run_folder(run_dir, _settings(cfg), resume=cfg.resume)
        Console().print(table)
    quiet_libraries()
    timings: dict[str, float] = {}
    with timed(timings, "total"):
        datasets: dict[str, Any] = {name: build_dataset(cfg, name) for name in _splits(cfg)}
        model = build(cfg.model, {})
        with timed(timings, "warm_start"):
            policy_folder = initial_policy(cfg, model, datasets["train"])
        if is_rank_zero():
            save_skeleton(policy_folder, folder.skeleton)
        _show_memory_plan(cfg, model, policy_folder)
        shared = {**shared_parts(cfg, policy_folder), "model": model, "run_dir": folder.path}
        shared |= {name: cfg[name] for name in _NUMBERS}
        fitter = prompt_fitter(cfg, shared["encoder"])
        datasets = open_checked(datasets, fitter, shared["outcome"], seed=cfg.seed)
        before = _evaluate(cfg, shared, datasets, folder, "before", timings)
        module = _fit(cfg, shared, datasets, folder, timings)
        with timed(timings, "export"):
            model_folder, policy = folder.skeleton, folder.policy
            export_policy(module.hf_model, model_folder, policy, write=is_rank_zero())
        shared["sync"].push_and_prove(module, rl_step=module.rl_step)
        after = _evaluate(cfg, shared, datasets, folder, "after", timings)
        shared["judge"].close()
        shared["outcome"].close()
    if is_rank_zero():
        save_results(
            cfg, folder, before, after,
            overrides=overrides, timings=timings, loggers=module.trainer.loggers,
        )  # fmt: skip


def _show_memory_plan(cfg: DictConfig, model: ModelLoader, folder: Path | str) -> None:
    """Before anything takes memory; a run without a GPU needs no plan."""
    size = device_bytes(cfg)
    if size is None:
        return
    plan = memory_plan(cfg, model, folder, world_size=world_size(cfg), device_bytes=size)
    if is_rank_zero():
        Console().print(plan_table(plan, title="memory per GPU"))
    check_fits(plan, device_bytes=size)


def _settings(cfg: DictConfig) -> str:
    """What makes this run this run; interpolations stay, so secrets of the environment do too.

    The number of processes is not part of it: they divide the same work.
    """
    own = OmegaConf.to_container(cfg, resolve=False)
    assert isinstance(own, dict)
    for key in ("devices", "num_nodes"):
        own["trainer"].pop(key, None)
    return OmegaConf.to_yaml(
        {k: v for k, v in own.items() if k not in ("run_dir", "resume", "debug")}
    )


def _evaluate(
    cfg: DictConfig,
    shared: dict[str, Any],
    datasets: dict[str, Any],
    folder: RunFolder,
    when: str,
    timings: dict[str, float],
) -> list[EvalRecord]:
    """The engine's weights on the held-out prompts; kept, so that a resume does not repeat it."""
    path = folder.path / f"evaluation_{when}.jsonl"
    if cfg.resume and path.is_file():
        return load_records(path)
    evaluator: Evaluator = shared["evaluator"]
    heldout = datasets["heldout"]
    with timed(timings, f"evaluation_{when}"):
        records = evaluator.evaluate(heldout, description=f"evaluation {when}")
    if is_rank_zero():
        save_records(path, records)
        if not folder.gallery.is_file():
            save_images(folder.gallery, small_images(heldout))
    return records


def _fit(
    cfg: DictConfig,
    shared: dict[str, Any],
    datasets: dict[str, Any],
    folder: RunFolder,
    timings: dict[str, float],
) -> GRPOModule:
    shared["annealing"] = build(cfg.annealing, shared)
    outcome, rule = shared["outcome"], shared["format"]
    shared["composer"] = build(cfg.reward, shared, outcome=outcome, format=rule)
    module: GRPOModule = build(cfg.algorithm, shared)
    data = build(cfg.data, shared, **datasets)
    shared["validation_prompts"] = datasets.get("validation")
    settings = build(cfg.callbacks.rollout.get("sync"), {}) or SyncSettings()
    shared["sync"] = WeightSync(shared["engine"], settings, seed=cfg.seed)
    shared["start_step"] = folder.start_step if cfg.resume else 0
    loggers = [CSVMetrics(folder.metrics), *build_all(cfg.logger.values(), shared)]
    trainer: Trainer = build(
        cfg.trainer,
        {
            "logger": loggers,
            "callbacks": _callbacks(cfg, shared),
            "plugins": [AtomicCheckpointIO()],
        },
    )
    with timed(timings, "grpo"):
        trainer.fit(module, data, ckpt_path=folder.last_checkpoint, weights_only=True)
    leave_at_exit()
    shared["composer"].close()
    return module


def _splits(cfg: DictConfig) -> list[DataPart]:
    """The parts of the data that this run uses."""
    validates = cfg.data.get("validation") is not None and cfg.callbacks.get("validation")
    return ["train", "heldout", *(["validation"] if validates else [])]  # type: ignore[list-item]


def _callbacks(cfg: DictConfig, shared: dict[str, Any]) -> list[Callback]:
    """Those of the configuration; without validation prompts there is no validation.

    The node of the rollout callback holds the settings of the weight sync that all share.
    """
    validates = "validation" in _splits(cfg)
    if not validates and cfg.callbacks.get("validation") is not None:
        log.info("data.validation is null: no validation during the run")
    nodes = {n: node for n, node in cfg.callbacks.items() if validates or n != "validation"}
    explicit = {"rollout": {"sync": shared["sync"]}}
    return [
        build(node, shared, **explicit.get(str(name), {}))
        for name, node in nodes.items()
        if node is not None
    ]
