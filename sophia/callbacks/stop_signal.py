"""A signal to stop ends the run between two steps, on all processes, with a checkpoint."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

from lightning import Callback, LightningModule, Trainer

from sophia.failures import RunStopped, stop_together


class StopSignalCallback(Callback):
    """Stops the run on SIGTERM to any of its processes (SLURM when time is up, ``kill``).

    In place of Lightning's handler, which begins a collective wherever the process happens to be
    and then waits for others that are in another one.
    """

    def __init__(self) -> None:
        self._received = False
        self._before: Any = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Listen; only the main thread may."""
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGTERM, self._note)

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Stop when any process was told to; every process takes part."""
        self._stop_if_told()

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop after the last step too: there is an evaluation to come."""
        self._stop_if_told()

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Put back the handler of SIGTERM that was there before."""
        if self._before is not None:
            signal.signal(signal.SIGTERM, self._before)
            self._before = None

    def _stop_if_told(self) -> None:
        message = "the run was told to stop (SIGTERM). Continue it with resume=true."
        stop_together(RunStopped(message) if self._received else None)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._received = True
