"""`train`: compose -> validate -> build -> evaluate, train, evaluate -> show."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lightning import Trainer
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from sophia.checkpoint import AtomicCheckpointIO
from sophia.cli.build import SHARED, build, build_all
from sophia.cli.memory_plan import check_fits, device_bytes, memory_plan, plan_table
from sophia.cli.parts import ENGINE_ARGUMENTS, shared_parts
from sophia.cli.processes import is_rank_zero, world_size
from sophia.cli.prompts import build_dataset, open_checked, prompt_fitter
from sophia.cli.quiet import quiet_libraries
from sophia.cli.settings import TrainSettings
from sophia.cli.step_table import step_table
from sophia.cli.validate import validate
from sophia.cli.warm_start import initial_policy
from sophia.evaluation.compare import comparison_table, differences, summarise
from sophia.evaluation.curves import draw_curves
from sophia.evaluation.evaluator import Evaluator
from sophia.evaluation.records import EvalRecord, load_records, save_records
from sophia.loggers import CSVMetrics, read_metrics
from sophia.models.export import export_policy, save_skeleton
from sophia.models.load import ModelLoader
from sophia.module import GRPOModule
from sophia.run_folder import RunFolder, open_run_folder
from sophia.run_record import write_run_record
from sophia.timing import timed

log = logging.getLogger(__name__)

_NUMBERS = ("num_generations", "num_steps", "prompts_per_step", "seed")


def validate_train(cfg: DictConfig) -> None:
    """Refuse what cannot work, before anything is built."""
    validate(cfg, TrainSettings, shared=(*SHARED, *ENGINE_ARGUMENTS))


def train(cfg: DictConfig, *, run_dir: Path, overrides: Sequence[str]) -> None:
    """One run, from its configuration to its folder."""
    validate_train(cfg)
    table = step_table(cfg, world_size=world_size(cfg))
    folder = RunFolder(path=run_dir)
    if is_rank_zero():
        folder = open_run_folder(run_dir, _settings(cfg), resume=cfg.resume)
        Console().print(table)
    quiet_libraries()
    timings: dict[str, float] = {}
    with timed(timings, "total"):
        datasets = {name: build_dataset(cfg, name) for name in ("train", "heldout")}
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
        shared["engine"].load_weights(module.named_weights())
        after = _evaluate(cfg, shared, datasets, folder, "after", timings)
        shared["judge"].close()
        shared["outcome"].close()
    if is_rank_zero():
        _report(cfg, folder, before, after, overrides=overrides, timings=timings)


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
    shared["start_step"] = folder.start_step if cfg.resume else 0
    loggers = [CSVMetrics(folder.metrics), *build_all(cfg.logger, shared)]
    trainer: Trainer = build(
        cfg.trainer,
        {
            "logger": loggers,
            "callbacks": build_all(cfg.callbacks, shared),
            "plugins": [AtomicCheckpointIO()],
        },
    )
    with timed(timings, "grpo"):
        trainer.fit(module, data, ckpt_path=folder.last_checkpoint, weights_only=True)
    shared["composer"].close()
    return module


def _report(
    cfg: DictConfig,
    folder: RunFolder,
    before: list[EvalRecord],
    after: list[EvalRecord],
    *,
    overrides: Sequence[str],
    timings: dict[str, float],
) -> None:
    rows = read_metrics(folder.metrics)
    draw_curves(rows, folder.path / "curves.png", title=cfg.name)
    first, second = summarise(before), summarise(after)
    results = {
        "accuracy_before": first["accuracy"].value,
        "accuracy_after": second["accuracy"].value,
        "evaluation": {
            "before": {name: asdict(e) for name, e in first.items()},
            "after": {name: asdict(e) for name, e in second.items()},
            "change": {name: asdict(e) for name, e in differences(before, after).items()},
        },
        "final_metrics": {k: float(v) for k, v in rows[-1].items()} if rows else {},
    }
    write_run_record(
        folder.record,
        overrides=overrides,
        seed=cfg.seed,
        timings_s=timings,
        results=json.loads(json.dumps(results), parse_constant=lambda _: None),
    )
    console = Console()
    console.print(comparison_table(before, after, title=f"{cfg.name}, {len(after)} questions"))
    _print_paths(console, folder, timings)


def _print_paths(console: Console, folder: RunFolder, timings: dict[str, float]) -> None:
    path = folder.path
    minutes, seconds = divmod(math.ceil(timings["total"]), 60)
    console.print(f"\nwritten to {path} in {minutes}:{seconds:02d} min:", highlight=False)
    for name, what in (
        ("policy/", "the trained policy, loads with from_pretrained"),
        ("curves.png", "a picture of the curves"),
        ("run.json", "settings, versions, times, all final metrics"),
        ("metrics.csv", "one row per RL step"),
        ("tensorboard/", "the same as curves, and images with completions"),
        ("checkpoints/", "to resume from"),
    ):
        console.print(f"  {name:14} {what}", highlight=False)
    console.print("\ntry next:", highlight=False)
    for command in (
        f"tensorboard --logdir {path}/tensorboard",
        f"python evaluate.py ckpt={path} seed=1",
        "python train.py reward=outcome",
    ):
        console.print(f"  {command}", highlight=False, soft_wrap=True)
