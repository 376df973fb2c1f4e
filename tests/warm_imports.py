"""What the process that commands are forked from has imported; see tests/warm.py."""

from __future__ import annotations

import importlib
import os
import sys

os.environ["OMP_NUM_THREADS"] = "1"  # torch reads it when it is imported

for name in (
    "sophia.cli.commands",
    "sophia.callbacks.report",
    "sophia.callbacks.timeline",
    "sophia.callbacks.validation",
    "sophia.rewards.judge.http",
    "sophia.training.strategy",
    "tests.short_run",
    "peft",
):
    importlib.import_module(name)

PATH = tuple(sys.path)
"""With what imports have added to it."""
