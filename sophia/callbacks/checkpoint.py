"""Saves the run every so many RL steps and keeps the last few, and the best if asked for."""

from __future__ import annotations

from math import inf
from pathlib import Path
from typing import Any, cast

from lightning import Callback, LightningModule, Trainer

from sophia.callbacks.every import Every
from sophia.data.datamodule import StepLoader
from sophia.failures import RunStopped, StoppedTogether
from sophia.protocols import Clock
from sophia.run.checkpoint import checkpoint_path, list_checkpoints, remove_checkpoint
from sophia.run.folder import RunFolder
from sophia.training.strategy import ShardedStrategy


class CheckpointCallback(Callback):
    """Writes checkpoints by the RL step, whatever the number of optimizer steps in one.

    Args:
        run_dir: the folder of the run; files go to its ``checkpoints`` folder.
        every_n_steps: RL steps between two saves.
        num_steps: how many RL steps the run has.
        keep_last: how many of the latest are kept; the state after the last step, or an early
            stop, is always saved.
        keep_best: how many more are kept, of those with the highest ``monitor``.
        monitor: a figure of the progress bar (``reward``, ``accuracy``) or of validation, as it
            stands when the checkpoint is written.
    """

    def __init__(
        self,
        *,
        run_dir: Path,
        every_n_steps: int,
        num_steps: int,
        keep_last: int,
        keep_best: int = 0,
        monitor: str = "reward",
    ) -> None:
        if keep_last < 1:
            raise ValueError(f"keep_last is {keep_last}; it must be at least 1.")
        self._folder = RunFolder(path=Path(run_dir)).checkpoints
        self._every = Every(n_steps=every_n_steps)
        self._num_steps = num_steps
        self._keep_last = keep_last
        self._keep_best = keep_best
        self._monitor = monitor
        self._figures: dict[str, float] = {}  # by file name

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Save after the step, when its turn has come; every rank takes part."""
        rl_step = cast("Clock", pl_module).rl_step
        last = rl_step == self._num_steps or trainer.should_stop
        if last or self._every.due(rl_step):
            self._save(trainer, rl_step)

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        """Save the step that was stopped (judge down, engine dead) before anything was updated.

        With several ranks only when all have stopped: saving waits for all of them.
        """
        together = trainer.world_size == 1 or isinstance(exception, StoppedTogether)
        if isinstance(exception, RunStopped) and together:
            rl_step = cast("Clock", pl_module).rl_step
            cast("StepLoader", trainer.train_dataloader).rewind(rl_step)
            self._save(trainer, rl_step)
            self._finish(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Wait for the last checkpoint, which may still be on its way to the disk."""
        self._finish(trainer)

    def state_dict(self) -> dict[str, Any]:
        """The figures that decide which checkpoints are the best."""
        return {"figures": dict(self._figures)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on comparing with the checkpoints that were written before a resume."""
        self._figures = dict(state_dict["figures"])

    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Let a run go on beyond what was its last step: how many there are says the loader."""
        checkpoint["loops"]["fit_loop"]["epoch_loop.batch_progress"]["is_last_batch"] = False

    def _finish(self, trainer: Trainer) -> None:
        if isinstance(trainer.strategy, ShardedStrategy):
            trainer.strategy.finish_saving()
        self._remove_old(trainer)

    def _save(self, trainer: Trainer, rl_step: int) -> None:
        path = checkpoint_path(self._folder, rl_step)
        if self._keep_best:
            self._figures[path.name] = self._figure(trainer)
        trainer.save_checkpoint(path, weights_only=False)  # the optimizer too
        self._remove_old(trainer)

    def _figure(self, trainer: Trainer) -> float:
        known = trainer.callback_metrics
        if self._monitor not in known:
            raise ValueError(
                f"callbacks.checkpoint.monitor is {self._monitor!r}, which nothing has logged;"
                f" known are {sorted(known)}."
            )
        return float(known[self._monitor])

    def _remove_old(self, trainer: Trainer) -> None:
        if not trainer.is_global_zero:
            return
        paths = [path for _, path in list_checkpoints(self._folder)]
        old = paths[: -self._keep_last]
        ranked = sorted(old, key=lambda p: self._figures.get(p.name, -inf), reverse=True)
        for path in ranked[self._keep_best :]:
            remove_checkpoint(path)
