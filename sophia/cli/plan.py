"""`plan`: the memory of a run on GPUs that need not be here."""

from __future__ import annotations

from dataclasses import dataclass

from omegaconf import DictConfig
from rich.console import Console

from sophia.cli.build import SHARED, build
from sophia.cli.memory_plan import check_fits, memory_plan, plan_table
from sophia.cli.parts import ENGINE_ARGUMENTS
from sophia.cli.settings import TrainSettings
from sophia.cli.validate import validate
from sophia.measure.memory import GIB
from sophia.models.load import ModelLoader


@dataclass(frozen=True, kw_only=True)
class PlanSettings(TrainSettings):
    """Keys of configs/plan.yaml: those of a run, and the machine."""

    num_devices: int
    device_gib: float


def validate_plan(cfg: DictConfig) -> None:
    """Refuse what cannot work."""
    validate(cfg, PlanSettings, shared=(*SHARED, *ENGINE_ARGUMENTS))


def plan(cfg: DictConfig) -> None:
    """Print the table; raises ValueError when the run does not fit."""
    validate_plan(cfg)
    loader: ModelLoader = build(cfg.model, {})
    if loader.path is None:
        raise ValueError("give model.path; the built-in model fits anywhere.")
    size = cfg.device_gib * GIB
    result = memory_plan(cfg, loader, loader.path, world_size=cfg.num_devices, device_bytes=size)
    title = f"{cfg.name} on {cfg.num_devices} x {cfg.device_gib:g} GiB, per GPU"
    Console().print(plan_table(result, title=title))
    check_fits(result, device_bytes=size)
