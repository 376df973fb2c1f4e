"""How many processes a run has, and which one this is, before a Trainer exists."""

from __future__ import annotations

import os

import torch
from omegaconf import DictConfig


def is_rank_zero() -> bool:
    """Whether this process writes; launchers number theirs through the environment."""
    rank = next(
        (os.environ[n] for n in ("RANK", "SLURM_PROCID", "LOCAL_RANK") if n in os.environ), "0"
    )
    return int(rank) == 0


def world_size(cfg: DictConfig) -> int:
    """Processes of the run, as its trainer node says."""
    devices = cfg.trainer.get("devices", "auto")
    if isinstance(devices, str):
        listed = max(torch.cuda.device_count(), 1)
        per_node = listed if devices == "auto" else len(devices.split(","))
    else:
        per_node = devices if isinstance(devices, int) else len(devices)
    return int(per_node) * int(cfg.trainer.get("num_nodes", 1))
