"""Runs of several processes on one machine, as torchrun starts them."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

import torch

from tests.warm import WarmProcess

ROOT = Path(__file__).parent.parent


def environment(rank: int, world_size: int, port: int) -> dict[str, str]:
    """What torchrun tells each process."""
    return {
        **os.environ,
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(world_size),
        "LOCAL_WORLD_SIZE": str(world_size),
        "GROUP_RANK": "0",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "TORCHELASTIC_RUN_ID": "tests",
    }


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start_processes(world_size: int, out: Path, **case: Any) -> list[WarmProcess]:
    """The processes of a training run of tests/sharded_worker.py, or of another ``module``."""
    port, module = free_port(), case.pop("module", "tests.sharded_worker")
    text = json.dumps({**case, "out": str(out), "world_size": world_size}, default=str)
    return [
        WarmProcess("-m", module, text, environment=environment(rank, world_size, port))
        for rank in range(world_size)
    ]


def finish(processes: list[WarmProcess], *, timeout_s: float = 150.0) -> None:
    """Wait until all have ended well; a deadlock is an error."""
    outputs = []
    try:
        outputs = [process.communicate(timeout=timeout_s)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
    for process, output in zip(processes, outputs, strict=True):
        assert process.returncode == 0, output


def sharded_run(
    world_size: int, out: Path, *, timeout_s: float = 150.0, **case: Any
) -> dict[str, Any]:
    """What a training run leaves."""
    finish(start_processes(world_size, out, **case), timeout_s=timeout_s)
    result: dict[str, Any] = torch.load(out, weights_only=True)
    return result


def stopped_messages(world_size: int, out: Path) -> list[str]:
    """What each process of a run that stopped itself said."""
    return [stopped_path(out, rank).read_text() for rank in range(world_size)]


def stopped_path(out: Path, rank: int) -> Path:
    """Where a process of tests/sharded_worker.py says why it stopped."""
    return out.with_suffix(f".stopped_{rank}")
