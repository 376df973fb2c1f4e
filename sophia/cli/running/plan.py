"""What a run needs of each GPU and of the disk, before it is loaded; what cannot fit is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig
from rich.console import Console
from rich.table import Table

from sophia.cli.running.processes import is_rank_zero, world_size
from sophia.cli.validation.validate import locate
from sophia.measure.disk import DiskPlan, plan_disk
from sophia.measure.memory import (
    GIB,
    EngineMemory,
    Layout,
    Load,
    MemoryPlan,
    largest_micro_batch,
    moments_of,
    plan_memory,
    transformers_engine_memory,
    vllm_engine_memory,
)
from sophia.models.export import export_dtype
from sophia.models.hub import find_checkpoint
from sophia.models.load import ModelLoader
from sophia.models.sharding import frozen_vision

_USABLE = 0.95
_KNOBS = {
    "activations": "algorithm.update.micro_batch_tokens, prompt_limits or sampling.max_new_tokens"
    " (lower), model.gradient_checkpointing=true",
    "engine": "rollout.settings.gpu_memory_utilization (lower) or rollout.settings.sleep_level=2",
    "optimizer": "trainer.strategy.offload=[optimizer], model/lora=default, or more GPUs",
    "policy": "trainer=fsdp with more GPUs, or model/lora=default with model.dtype=bfloat16",
    "gradients": "trainer.strategy.offload=[optimizer] or model/lora=default",
    "reference": "trainer.strategy.offload=[reference] or algorithm.loss.beta=0",
    "gathered layers": "trainer.strategy.compute_dtype=bfloat16",
}


def show_memory_plan(cfg: DictConfig, loader: ModelLoader, folder: Path | str) -> None:
    """Print what the run that is about to start needs of each GPU; without a GPU nothing.

    Raises ValueError when it does not fit.
    """
    size = _device_bytes(cfg)
    if size is None:
        return
    result = memory_plan(cfg, loader, folder, num_processes=world_size(cfg), device_bytes=size)
    if is_rank_zero():
        Console().print(plan_table(result, title="memory per GPU"))
    check_fits(result, device_bytes=size)


def memory_plan(
    cfg: DictConfig,
    loader: ModelLoader,
    folder: Path | str,
    *,
    num_processes: int,
    device_bytes: float,
) -> MemoryPlan:
    """The plan of the run that a configuration describes, on devices of this size."""
    return memory_plan_of(
        cfg,
        loader,
        loader.empty(folder),
        num_processes=num_processes,
        device_bytes=device_bytes,
    )


def memory_plan_of(
    cfg: DictConfig, loader: ModelLoader, model: Any, *, num_processes: int, device_bytes: float
) -> MemoryPlan:
    layout = _layout(cfg, loader, model, num_processes)
    return plan_memory(model, layout, _load(cfg), _engine(cfg, model, device_bytes))


def plan_table(plan: MemoryPlan, *, title: str) -> Table:
    """The plan as a table, in GiB per process."""
    table = Table("GiB", "always", "training", "rollout", "on the CPU", title=title)
    names = [*plan.held, *plan.training, *plan.rollout, *plan.host]
    columns = (plan.held, plan.training, plan.rollout, plan.host)
    for name in dict.fromkeys(names):
        values = [column.get(name, 0.0) / GIB for column in columns]
        table.add_row(name, *(f"{value:.2f}" if value else "" for value in values))
    totals = [sum(column.values()) / GIB for column in columns]
    table.add_section()
    table.add_row("sum", *(f"{total:.2f}" for total in totals))
    return table


def disk_plan(cfg: DictConfig, model: Any, folder: Path | str) -> DiskPlan:
    """What the run of this model, from the checkpoint in ``folder``, writes to its own folder."""
    kept, validation = cfg.callbacks.checkpoint, cfg.callbacks.get("validation")
    return plan_disk(
        model,
        moments=_moments(cfg),
        num_kept=0 if kept is None else kept.keep_last + kept.keep_best,
        keeps_best=bool(cfg.data.get("validation") and validation and validation.save_best),
        policy_dtype=export_dtype(find_checkpoint(folder, "config")),
    )


def disk_table(plan: DiskPlan) -> Table:
    """The plan of the run's folder as a table, in GiB."""
    table = Table("GiB", "on disk", title="the run's folder; predicted")
    several = f"checkpoints: {plan.num_checkpoints - 1} kept and one being written"
    table.add_row("one checkpoint", f"({plan.checkpoint / GIB:.2f})")
    table.add_row(several, f"{plan.checkpoint * plan.num_checkpoints / GIB:.2f}")
    if plan.best:
        table.add_row("best/", f"{plan.best / GIB:.2f}")
    table.add_row("policy/", f"{plan.policy / GIB:.2f}")
    table.add_section()
    table.add_row("sum", f"{plan.sum / GIB:.2f}")
    return table


def check_fits(plan: MemoryPlan, *, device_bytes: float) -> None:
    """Raise ValueError for a plan that does not fit, naming what is largest and what lowers it."""
    if plan.peak <= _USABLE * device_bytes:
        return
    items = {**plan.held, **plan.training, **plan.rollout}
    largest = sorted(items, key=lambda name: items[name], reverse=True)[:3]
    help_ = "; ".join(
        f"{name} {items[name] / GIB:.1f} GiB: {_KNOBS[key]}"
        for name in largest
        if (key := name.removesuffix(", asleep")) in _KNOBS
    )
    raise ValueError(
        f"the run would need {plan.peak / GIB:.1f} GiB of each GPU, of which {_USABLE:.0%} of"
        f" {device_bytes / GIB:.1f} GiB are usable. Largest: {help_}."
    )


def _device_bytes(cfg: DictConfig) -> float | None:
    """Memory of the GPU that the run would take; None on a CPU."""
    if cfg.trainer.get("accelerator", "auto") == "cpu" or not torch.cuda.is_available():
        return None
    return float(torch.cuda.get_device_properties(0).total_memory)


def _layout(cfg: DictConfig, loader: ModelLoader, model: Any, num_processes: int) -> Layout:
    strategy = cfg.trainer.strategy
    sharded = not isinstance(strategy, str)
    compute: torch.dtype = getattr(torch, strategy.compute_dtype) if sharded else torch.float32
    return Layout(
        world_size=num_processes if sharded else 1,
        compute_dtype=compute,
        offload=tuple(strategy.offload) if sharded else (),
        reference=cfg.algorithm.loss.beta > 0 and loader.lora is None,
        moments=_moments(cfg),
        gradient_checkpointing=loader.gradient_checkpointing,
        replicated=frozenset(frozen_vision(model)) if sharded else frozenset(),
    )


def _moments(cfg: DictConfig) -> int:
    return moments_of(locate("algorithm.optimizer", cfg.algorithm.optimizer["_target_"]))


def _load(cfg: DictConfig) -> Load:
    limits = cfg.prompt_limits
    return largest_micro_batch(
        micro_batch_tokens=cfg.algorithm["update"].micro_batch_tokens,
        max_prompt_tokens=limits.max_prompt_tokens,
        max_new_tokens=cfg.sampling.max_new_tokens,
        num_generations=cfg.num_generations,
        max_pixels=limits.max_pixels,
    )


def _engine(cfg: DictConfig, model: Any, device_bytes: float) -> EngineMemory:
    settings = cfg.rollout.get("settings")
    if settings is None:
        return transformers_engine_memory(model)
    return vllm_engine_memory(
        model,
        device_bytes=device_bytes,
        gpu_memory_utilization=settings.gpu_memory_utilization,
        sleep_level=settings.sleep_level,
    )
