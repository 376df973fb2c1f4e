"""What a run needs of each GPU, said before anything is loaded; refuses what cannot fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig
from rich.table import Table

from sophia.cli.validate import locate
from sophia.measure.memory import GIB, EngineMemory, Layout, Load, MemoryPlan, plan_memory
from sophia.models.load import ModelLoader
from sophia.models.sharding import frozen_vision

_PATCH_PIXELS = 14 * 14
_TYPICAL_PROMPT_TOKENS = 2048  # where a run sets no limit
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


def memory_plan(
    cfg: DictConfig,
    loader: ModelLoader,
    folder: Path | str,
    *,
    world_size: int,
    device_bytes: float,
) -> MemoryPlan:
    """The plan of the run that a configuration describes, on devices of this size."""
    model = loader.empty(folder)
    layout = _layout(cfg, loader, model, world_size)
    return plan_memory(model, layout, _load(cfg), _engine(cfg, model, device_bytes))


def device_bytes(cfg: DictConfig) -> float | None:
    """Memory of the GPU that the run would take; None on a CPU."""
    if cfg.trainer.get("accelerator", "auto") == "cpu" or not torch.cuda.is_available():
        return None
    return float(torch.cuda.get_device_properties(0).total_memory)


def plan_table(plan: MemoryPlan, *, title: str) -> Table:
    """GiB per process."""
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


def check_fits(plan: MemoryPlan, *, device_bytes: float) -> None:
    """Raises ValueError that names what is largest and which setting makes it smaller."""
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


def _layout(cfg: DictConfig, loader: ModelLoader, model: Any, world_size: int) -> Layout:
    strategy = cfg.trainer.strategy
    sharded = not isinstance(strategy, str)
    compute: torch.dtype = getattr(torch, strategy.compute_dtype) if sharded else torch.float32
    optimizer = locate("algorithm.optimizer", cfg.algorithm.optimizer["_target_"])
    return Layout(
        world_size=world_size if sharded else 1,
        compute_dtype=compute,
        offload=tuple(strategy.offload) if sharded else (),
        reference=cfg.algorithm.loss.beta > 0 and loader.lora is None,
        moments=2 if "Adam" in optimizer.__name__ else 1,
        gradient_checkpointing=loader.gradient_checkpointing,
        replicated=frozenset(frozen_vision(model)) if sharded else frozenset(),
    )


def _load(cfg: DictConfig) -> Load:
    limits, update = cfg.prompt_limits, cfg.algorithm["update"]
    prompt = limits.max_prompt_tokens or _TYPICAL_PROMPT_TOKENS
    completion = cfg.sampling.max_new_tokens
    tokens = max(update.micro_batch_tokens, prompt + completion)
    groups = max(tokens // (prompt + cfg.num_generations * completion), 1)
    # An image's tokens are a quarter of its patches, and the prompt limit holds for them too.
    patches = min(limits.max_pixels / _PATCH_PIXELS, 4 * prompt) * groups
    return Load(tokens=tokens, patches=int(patches))


def _engine(cfg: DictConfig, model: Any, device_bytes: float) -> EngineMemory:
    weights = sum(p.numel() for p in model.parameters())
    settings = cfg.rollout.get("settings")
    if settings is None:  # the transformers engine: a float32 copy, and a cache beside it
        return EngineMemory(awake=4.0 * weights * 1.25, asleep=4.0 * weights)
    awake = settings.gpu_memory_utilization * device_bytes
    asleep = {0: awake, 1: 2.0 * weights, 2: 0.0}[settings.sleep_level]
    return EngineMemory(awake=awake, asleep=asleep)
