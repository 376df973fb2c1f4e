"""What the process that commands are forked from has imported; see tests/warm.py."""

from __future__ import annotations

import importlib
import os
import sys

os.environ["OMP_NUM_THREADS"] = "1"  # torch reads it when it is imported

for name in (
    "sophia.cli.commands",
    "sophia.callbacks.checkpoint",
    "sophia.callbacks.stop_signal",
    "sophia.training.strategy",
    "tests.short_run",
):
    importlib.import_module(name)

PATH = tuple(sys.path)
"""With what imports have added to it."""
