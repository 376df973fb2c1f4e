"""Runs of several processes on one machine, as torchrun starts them."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).parent.parent


def environment(rank: int, world_size: int, port: int) -> dict[str, str]:
    """What torchrun tells each process."""
    return {
        **os.environ,
        "OMP_NUM_THREADS": "1",
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


def sharded_run(
    world_size: int, out: Path, *, timeout_s: float = 150.0, **case: Any
) -> dict[str, Any]:
    """What a training run of tests/sharded_worker.py leaves; a deadlock is an error."""
    port = free_port()
    text = json.dumps({**case, "out": str(out), "world_size": world_size}, default=str)
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.sharded_worker", text],
            cwd=ROOT,
            env=environment(rank, world_size, port),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        for rank in range(world_size)
    ]
    outputs = []
    try:
        outputs = [process.communicate(timeout=timeout_s)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
    for process, output in zip(processes, outputs, strict=True):
        assert process.returncode == 0, output
    result: dict[str, Any] = torch.load(out, weights_only=True)
    return result
