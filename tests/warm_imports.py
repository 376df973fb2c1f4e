"""What the process that commands are forked from has imported; see tests/warm.py."""

from __future__ import annotations

import gc
import importlib
import importlib.util
import os
import sys

os.environ["OMP_NUM_THREADS"] = "1"  # torch reads it when it is imported
os.environ["VLLM_LOGGING_LEVEL"] = "ERROR"  # and vLLM this

_NAMES = (
    "sophia.cli.verbs.check",
    "sophia.cli.verbs.evaluation",
    "sophia.cli.verbs.infer",
    "sophia.cli.running.results",
    "sophia.cli.running.run",
    "sophia.cli.start",
    "sophia.callbacks.report",
    "sophia.callbacks.timeline",
    "sophia.callbacks.validation",
    "sophia.rewards.judge.http",
    "sophia.training.strategy",
    "tests.short_run",
    "peft",
)
_WITH_VLLM = (
    "vllm",
    "vllm.entrypoints.llm",
    "sophia.rollout.vllm.start",
    "sophia.rollout.vllm.draw",
)

for name in (*_NAMES, *(_WITH_VLLM if importlib.util.find_spec("vllm") else ())):
    importlib.import_module(name)
gc.freeze()  # or the collector of every process that is forked would look at all of it again

PATH = tuple(sys.path)
"""With what imports have added to it."""
