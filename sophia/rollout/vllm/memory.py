"""Handing the GPU's memory back and forth between vLLM and the trainer. Nothing to do on a CPU."""

from __future__ import annotations

import gc
import logging
from collections.abc import Sequence
from typing import Any

import torch

from sophia.failures import EngineFailed
from sophia.metrics import Mean, Metric

log = logging.getLogger(__name__)

_GIB = 2**30


class MemoryHandOver:
    """Keeps track of what part of vLLM's memory is handed back.

    Args:
        level: 0 keeps everything; 1 frees the cache and moves the weights to host memory; 2 drops
            the weights too, so that all of them must be pushed before the next use. Nothing is
            ever loaded again from the checkpoint: that would bring back the first weights.
    """

    def __init__(self, level: int) -> None:
        self._level = level
        self._handed_back: set[str] = set()
        self._weights_lost = False
        self.freed_gib = 0.0
        """GiB that the last hand-over freed, as the device reports it."""

    def announce(self) -> None:
        """Log once, before the first step, how much memory is free and what will be handed back."""
        if not torch.cuda.is_available():
            if self._level:
                log.info("sleep_level and gpu_memory_utilization do nothing on a CPU")
            return
        free, total = torch.cuda.mem_get_info()
        log.info(
            "GPU memory: %.1f of %.1f GiB free beside the engine (sleep level %d)",
            free / _GIB,
            total / _GIB,
            self._level,
        )

    def take(self, llm: Any, *parts: str) -> None:
        """Give vLLM its ``weights`` or ``kv_cache`` memory, where it has handed it back."""
        wanted = [part for part in parts if part in self._handed_back]
        if wanted:
            llm.wake_up(tags=wanted)
            self._handed_back -= set(wanted)

    def hand_back(self, llm: Any, *, never_pushed: Sequence[str] | None) -> None:
        """Hand memory back after generating; raises EngineFailed if that would lose weights.

        ``never_pushed`` are the weights that level 2 could not restore. None: nothing was pushed
        yet, so the weights are kept (level 1) this time.
        """
        if self._level == 0 or not torch.cuda.is_available():
            return
        level = 1 if never_pushed is None else self._level
        if level == 2 and never_pushed:
            raise EngineFailed(
                f"sleep level 2 drops all weights, but {never_pushed[0]!r} and"
                f" {len(never_pushed) - 1} more are never pushed (frozen?). Use"
                " rollout.settings.sleep_level=1."
            )
        before = torch.cuda.mem_get_info()[0]
        llm.sleep(level)
        gc.collect()
        torch.cuda.empty_cache()
        self._handed_back = {"weights", "kv_cache"}
        self._weights_lost = level == 2
        self.freed_gib = (torch.cuda.mem_get_info()[0] - before) / _GIB

    def metrics(self) -> dict[str, Metric]:
        """``engine/freed_gib`` of the last hand-over; nothing where nothing is handed over."""
        return {"engine/freed_gib": Mean.of([self.freed_gib])} if self._handed_back else {}

    def pushed(self) -> None:
        """Note that all weights that can be pushed were."""
        self._weights_lost = False

    def check_weights(self) -> None:
        """Raise EngineFailed when the weights were dropped and none were pushed since."""
        if self._weights_lost:
            raise EngineFailed("sleep level 2 dropped the weights, and none were pushed since.")
