"""A signal to stop ends the run between two steps, on all processes, with a checkpoint."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from types import FrameType
from typing import Any

from lightning import Callback, LightningModule, Trainer

from sophia.failures import Interrupted, RunStopped, stop_together

_HEARD = b"\nstopping after this step, with a checkpoint; Ctrl-C again stops at once\n"


class StopSignalCallback(Callback):
    """Stops the run on SIGTERM (SLURM when time is up, ``kill``) and on Ctrl-C.

    Any of its processes may be told. In place of Lightning's handler, which begins a collective
    wherever the process happens to be and then waits for others that are in another one. A second
    Ctrl-C stops at once.

    Args:
        run_dir: the folder of the run, which the message names.
    """

    def __init__(self, *, run_dir: Path) -> None:
        self._run_dir = run_dir
        self._received: signal.Signals | None = None
        self._before: dict[signal.Signals, Any] = {}

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Listen; only the main thread may."""
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                self._before[number] = signal.signal(number, self._note)

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Stop when any process was told to; every process takes part."""
        self._stop_if_told()

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Stop after the last step too: there is an evaluation to come."""
        self._stop_if_told()

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Put back the handlers that were there before."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()

    def _stop_if_told(self) -> None:
        stop_together(self._stop())

    def _stop(self) -> RunStopped | None:
        if self._received is None:
            return None
        go_on = f"Go on with run_dir={self._run_dir} resume=true."
        if self._received is signal.SIGINT:
            return Interrupted(f"interrupted between two steps, with a checkpoint. {go_on}")
        return RunStopped(f"the run was told to stop (SIGTERM). {go_on}")

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._received = signal.Signals(number)
        if self._received is signal.SIGINT:
            os.write(2, _HEARD)  # a handler may be anywhere, also inside a logger
            signal.signal(signal.SIGINT, self._before[signal.SIGINT])
