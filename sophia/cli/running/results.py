"""What a finished run leaves and says: run.json, curves.png, report.html, tables, what to try."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from lightning.pytorch.loggers.logger import Logger
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from sophia.cli.running.processes import is_rank_zero
from sophia.cli.running.run import Run
from sophia.evaluation.compare import comparison_table, differences, summarise
from sophia.evaluation.curves import draw_curves
from sophia.evaluation.records import EvalRecord
from sophia.measure.health import banner
from sophia.report.health import run_findings
from sophia.report.run import write_run_report
from sophia.run.folder import RunFolder
from sophia.run.loggers import LinkedLogger, ResultLogger
from sophia.run.metrics_file import read_metrics
from sophia.run.record import write_run_record

_FILES = (
    ("report.html", "everything in one page, open it in a browser"),
    ("policy/", "the trained policy, loads with from_pretrained"),
    ("curves.png", "a picture of the curves"),
    ("run.json", "settings, versions, times, all final metrics"),
    ("metrics.csv", "one row per RL step"),
    ("validation.csv", "greedy accuracy during the run"),
    ("rollouts/", "every completion with its reward and advantage"),
    ("best/", "the weights that did best in validation"),
    ("checkpoints/", "to resume from"),
)


def show(run: Run, before: Sequence[EvalRecord], after: Sequence[EvalRecord]) -> None:
    """Write what a finished run leaves, and say where it is; the first process does."""
    if not is_rank_zero():
        return
    cfg, folder = run.cfg, run.folder
    rows = read_metrics(folder.metrics)
    draw_curves(rows, folder.curves, title=folder.name)
    results = _results(before, after, rows)
    write_run_record(
        folder.record,
        overrides=list(HydraConfig.get().overrides.task),
        seed=cfg.seed,
        timings_s=run.timings,
        results=json.loads(json.dumps(results), parse_constant=lambda _: None),
    )
    _log_results(cfg, results, run.trainer.loggers)
    title = OmegaConf.select(cfg, "callbacks.report.title")
    write_run_report(folder.path, title=title)
    console = Console()
    console.print(comparison_table(before, after, title=f"{folder.name}, {len(after)} questions"))
    if found := run_findings(folder):
        console.print(banner(found), highlight=False, markup=False, style="bold red")
    _print_paths(console, folder, run.timings)
    for link in links(run.trainer.loggers):
        console.print(f"\nthe run on the web: {link}", highlight=False, soft_wrap=True)


def _results(
    before: Sequence[EvalRecord], after: Sequence[EvalRecord], rows: Sequence[Mapping[str, str]]
) -> dict[str, Any]:
    first, second = summarise(before), summarise(after)
    return {
        "accuracy_before": first["accuracy"].value,
        "accuracy_after": second["accuracy"].value,
        "evaluation": {
            "before": {name: asdict(e) for name, e in first.items()},
            "after": {name: asdict(e) for name, e in second.items()},
            "change": {name: asdict(e) for name, e in differences(before, after).items()},
        },
        "final_metrics": {k: float(v) for k, v in rows[-1].items()} if rows else {},
    }


def _log_results(cfg: DictConfig, results: Mapping[str, Any], loggers: Sequence[Logger]) -> None:
    """Hyper-parameters with final figures, so that a logger can compare runs."""
    after = {name: figure["value"] for name, figure in results["evaluation"]["after"].items()}
    figures = {f"final/{name}": value for name, value in after.items() if not math.isnan(value)}
    settings = flat_settings(cfg)
    for logger in loggers:
        if isinstance(logger, ResultLogger):
            logger.log_results(settings, figures)


def flat_settings(cfg: DictConfig) -> dict[str, str | int | float | bool]:
    """Every plain value by its dotted key, secrets of the environment left out."""
    flat: dict[str, str | int | float | bool] = {}
    _flatten("", OmegaConf.to_container(cfg, resolve=False), cfg, flat)
    return flat


def _flatten(
    path: str, node: Any, cfg: DictConfig, flat: dict[str, str | int | float | bool]
) -> None:
    if isinstance(node, dict):
        for key, value in node.items():
            _flatten(f"{path}.{key}" if path else str(key), value, cfg, flat)
        return
    if isinstance(node, str) and "${" in node and "${oc.env" not in node:
        node = OmegaConf.select(cfg, path)
    flat[path] = node if isinstance(node, str | int | float | bool) else str(node)


def links(loggers: Sequence[Logger]) -> list[str]:
    """The addresses of the run's pages on the web; none where nothing was sent."""
    found = (logger.link for logger in loggers if isinstance(logger, LinkedLogger))
    return [link for link in found if link is not None]


def tensorboard_command(folder: RunFolder) -> str:
    """What shows the run in TensorBoard under its name; a lone folder would be called ``.``."""
    path = str(folder.path)
    if "," in path or ":" in path:  # which --logdir_spec would read as more folders
        return f"tensorboard --logdir {path}"
    return f"tensorboard --logdir_spec {folder.name}:{path}"


def _print_paths(console: Console, folder: RunFolder, timings: Mapping[str, float]) -> None:
    path = folder.path
    minutes, seconds = divmod(math.ceil(timings["total"]), 60)
    console.print(f"\nwritten to {path} in {minutes}:{seconds:02d} min:", highlight=False)
    for name, what in _FILES:
        if (path / name).exists():
            console.print(f"  {name:14} {what}", highlight=False)
    console.print("\ntry next:", highlight=False)
    for command in _next_commands(path):
        console.print(f"  {command}", highlight=False, soft_wrap=True)


def _next_commands(path: Path) -> tuple[str, ...]:
    """What to look at now; the quick start asks new questions with every seed, rows do not."""
    quickstart = HydraConfig.get().runtime.choices.get("experiment") == "quickstart"
    return (
        f"python -m sophia inspect run_dir={path} step=0",
        tensorboard_command(RunFolder(path=path)),
        f"python evaluate.py ckpt={path}{' seed=1' if quickstart else ''}",
        f'python -m sophia infer ckpt={path} image=PICTURE question="..."',
        *(["python train.py reward=outcome"] if quickstart else []),
    )
