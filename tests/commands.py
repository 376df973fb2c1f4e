"""Commands as a user types them, in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent

SMALL_RUN = (
    "num_steps=8",
    "prompts_per_step=4",
    "num_generations=4",
    "sampling.max_new_tokens=8",
    "model.tiny.hidden_size=64",
    "data.heldout.num_prompts=8",
    "data.validation.num_prompts=4",
    "callbacks.validation.every_n_steps=3",
    "callbacks.report.every_n_steps=4",
    "warm_start=none",
    "callbacks.checkpoint.every_n_steps=2",
    "reward.format_mode=weight",
    "+reward.extra.letters._target_=sophia.rewards.custom.CustomReward",
    f"+reward.extra.letters.function={ROOT / 'tests' / 'letters.py'}:letters",
    "+reward.extra.letters.weight=1.0",
)
"""Overrides of a quick start that takes seconds and moves its weights from the first step."""


def start(*arguments: str, cache: Path) -> subprocess.Popen[str]:
    """`python ARGUMENTS` in the project's root."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [
            sys.executable,
            *arguments,
            *([f"cache_dir={cache}"] if arguments[0] == "train.py" else []),
        ],
        cwd=ROOT,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def run(*arguments: str, cache: Path, expect: int = 0) -> str:
    """The output of a command that must end with this status."""
    process = start(*arguments, cache=cache)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == expect, output
    return output
