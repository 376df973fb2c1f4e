"""How many processes a run has, and which one this is, before a Trainer exists."""

from __future__ import annotations

import os

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
        listed = max(num_gpus(), 1)
        per_node = listed if devices == "auto" else len(devices.split(","))
    else:
        per_node = devices if isinstance(devices, int) else len(devices)
    return int(per_node) * int(cfg.trainer.get("num_nodes", 1))


def check_devices(cfg: DictConfig) -> None:
    """Refuse a run that asks for more devices than this machine has, before anything is built."""
    accelerator = cfg.trainer.get("accelerator", "auto")
    wanted = world_size(cfg) // int(cfg.trainer.get("num_nodes", 1))
    found = 0 if accelerator == "cpu" else num_gpus()
    if accelerator in ("gpu", "cuda") or (accelerator == "auto" and found):
        what, have = "GPU", found
    else:
        what, have = "CPU core", max(os.cpu_count() or 1, 2)
    if what == "GPU" and have == 0:
        raise ValueError(
            f"this run wants {_as_asked(cfg)} on a machine (trainer.accelerator={accelerator}), and"
            " here is none. experiment=sophiavl_7b_cpu tries that recipe, all but its size, on two"
            " CPU cores in two minutes; experiment=mine is where smaller runs of your own begin"
            " (docs/recipes.md); or start it where the GPUs are (docs/running.md)."
        )
    if wanted > have:
        raise ValueError(
            f"this run wants {wanted} {what}s on a machine (trainer.devices={cfg.trainer.devices},"
            f" trainer.accelerator={accelerator}), and here are {have}. Set trainer.devices (and"
            " trainer.accelerator=cpu to run without a GPU), or run it where they are."
        )


def _as_asked(cfg: DictConfig) -> str:
    devices = cfg.trainer.get("devices", "auto")
    return "all GPUs" if devices == "auto" else f"{devices} GPUs"


def check_launcher(cfg: DictConfig) -> None:
    """Raise ValueError for vLLM on several processes that no launcher has started.

    vLLM joins the processes before a Trainer would start the others, so they must be there.
    """
    processes = world_size(cfg)
    uses_vllm = cfg.rollout["_target_"].startswith("sophia.rollout.vllm.engine")
    if uses_vllm and processes > 1 and "WORLD_SIZE" not in os.environ:
        raise ValueError(
            f"rollout=vllm with {processes} processes has to be started as: torchrun"
            f" --nproc-per-node {processes} train.py ... run_dir=FOLDER"
        )


def num_gpus() -> int:
    """How many GPUs torch sees on this machine."""
    import torch  # only for runs that ask: it takes a second

    return torch.cuda.device_count()
