"""One process of a system: started alone, with one thread, and read afterwards.

Standard library only: the peak memory of a child begins at what its parent held.
"""

from __future__ import annotations

import csv
import logging
import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from experiments.speed.shapes import Shape

log = logging.getLogger(__name__)

SECONDS = ("rollout_s", "reference_s", "update_s", "step_s", "step_cpu_s")
TOKENS = ("prompt_tokens", "completion_tokens")
Row = dict[str, Any]


def run(command: Sequence[str], folder: Path, shape: Shape) -> Row:
    """Run it unless it has finished before; median of its timed steps, and its peak memory."""
    steps = folder / "steps.csv"
    if not steps.is_file() or len(read(steps)) < shape.steps:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / "commit").write_text(commit())
        begin = time.monotonic()
        environment = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
        with (folder / "output").open("w") as output:
            subprocess.run(command, check=True, env=environment, stdout=output, stderr=output)
        log.info("%s: %.0f s", folder.name, time.monotonic() - begin)
    check_logged_length(folder, shape)
    return summary(read(steps)[shape.warmup_steps :], folder)


def summary(rows: Sequence[dict[str, str]], folder: Path) -> Row:
    """Of the timed steps of a process."""
    tokens = {tuple(int(row[column]) for column in TOKENS) for row in rows}
    assert len(tokens) == 1, f"{folder}: steps have different numbers of tokens: {tokens}"
    return {
        **{name: round(median(float(row[name]) for row in rows), 4) for name in SECONDS},
        "peak_bytes": int(rows[-1]["peak_bytes"]),
        **dict(zip(TOKENS, tokens.pop(), strict=True)),
        "commit": (folder / "commit").read_text(),
    }


def check_logged_length(folder: Path, shape: Shape) -> None:
    """sophia's own log says the same; TRL's is checked where it runs."""
    metrics = folder / "metrics.csv"
    lengths = read(metrics) if metrics.is_file() else []
    logged = {float(row["completions/mean_length"]) for row in lengths}
    assert logged <= {float(shape.response_tokens)}, f"{folder}: logged lengths are {logged}"


def commit() -> str:
    """Of the source tree, with ``+`` when it has uncommitted changes."""
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", "sophia", "configs")
    return _git("rev-parse", "--short", "HEAD") + ("+" if changed else "")


def _git(*arguments: str) -> str:
    command = ["git", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def read(path: Path) -> list[dict[str, str]]:
    """Rows of a CSV file."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def write(path: Path, rows: Sequence[Row]) -> None:
    """A CSV file of rows with equal columns."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
