"""`plan`: what a run would need of GPUs that need not be here."""

from __future__ import annotations

from omegaconf import DictConfig
from rich.console import Console

from sophia.cli.running.build import build
from sophia.cli.running.folder import step_table
from sophia.cli.running.plan import check_fits, disk_plan, disk_table, memory_plan_of, plan_table
from sophia.cli.running.preflight import check_values
from sophia.measure.memory import GIB
from sophia.models.load import ModelLoader


def plan(cfg: DictConfig) -> None:
    """Print the sizes of a step, what a run needs of each GPU, and of the disk.

    Raises ValueError for sizes that do not divide, and for a run that does not fit.
    """
    check_values(cfg)
    loader: ModelLoader = build(cfg, "model")
    if loader.path is None:
        raise ValueError("give model.path; the built-in model fits anywhere.")
    size = cfg.device_gib * GIB
    steps = step_table(cfg, world_size=cfg.num_devices)
    model = loader.empty(loader.path)
    result = memory_plan_of(cfg, loader, model, num_processes=cfg.num_devices, device_bytes=size)
    disk = disk_plan(cfg, model, loader.path)
    title = f"{cfg.name} on {cfg.num_devices} x {cfg.device_gib:g} GiB, per GPU; predicted"
    console = Console()
    console.print(steps)
    console.print(plan_table(result, title=title))
    console.print(disk_table(disk))
    check_fits(result, device_bytes=size)
