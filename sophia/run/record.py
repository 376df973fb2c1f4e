"""run.json: what ran, on what, how long, and what came out."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

_PACKAGES = ("sophia-grpo", "torch", "lightning", "transformers", "hydra-core", "vllm", "numpy")


def write_run_record(
    path: Path,
    *,
    overrides: Sequence[str],
    seed: int,
    timings_s: Mapping[str, float],
    results: Mapping[str, Any],
) -> None:
    """Write the record of a run as JSON, whole or not at all.

    Args:
        path: the file that is written.
        overrides: the settings on the command line, as ``key=value``.
        seed: the seed of the run.
        timings_s: wall time in seconds of each phase of the run, by name.
        results: what came out, added to the record as it is.
    """
    record = {
        "commit": _commit(),
        "overrides": list(overrides),
        "seed": seed,
        "hardware": hardware(),
        "versions": versions(),
        "wall_time_s": {name: round(seconds, 2) for name, seconds in timings_s.items()},
        **results,
    }
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(record, indent=2) + "\n")
    os.replace(partial, path)


def hardware() -> dict[str, Any]:
    """What the run ran on: processor type, cores, threads and GPUs, but no machine names."""
    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return {
        "machine": platform.machine(),
        "cpu_cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpus": gpus,
    }


def versions() -> dict[str, str]:
    """The versions of Python and of those packages that numbers depend on, where installed."""
    found = {"python": platform.python_version()}
    installed = {d.metadata["Name"].lower() for d in importlib.metadata.distributions()}
    for name in _PACKAGES:
        if name in installed:
            found[name] = importlib.metadata.version(name)
    return found


def _commit() -> str:
    """The commit of the source tree, with ``+`` when it has uncommitted changes."""
    root = Path(__file__).parents[2]
    try:
        commit = _git(root, "rev-parse", "HEAD")
        dirty = _git(root, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return commit + ("+" if dirty else "")


def _git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
