"""Commands as a user types them, in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.warm import WarmProcess

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

SHORT_WARM_START = (
    "warm_start.max_steps=70", "warm_start.check_from=70", "warm_start.stop_accuracy=0.01",
)  # fmt: skip
"""Overrides after which the tiny model knows the tags, and is right now and then."""


def start(*arguments: str, cache: Path) -> WarmProcess:
    """`python ARGUMENTS` in the project's root, its imports done."""
    return WarmProcess(*_with_cache(arguments, cache))


def run(*arguments: str, cache: Path, expect: int = 0, stdin: str = "") -> str:
    """The output of a command that must end with this status."""
    process = WarmProcess(*_with_cache(arguments, cache), stdin=stdin)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == expect, output
    return output


def run_cold(*arguments: str, cache: Path, expect: int = 0) -> str:
    """The same from a new interpreter, for one command of each documented form."""
    process = subprocess.run(
        [sys.executable, *_with_cache(arguments, cache)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=300,
        check=False,
    )
    assert process.returncode == expect, process.stdout
    return process.stdout


def _with_cache(arguments: tuple[str, ...], cache: Path) -> tuple[str, ...]:
    return (*arguments, f"cache_dir={cache}") if arguments[0] == "train.py" else arguments
