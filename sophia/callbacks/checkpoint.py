"""Saves the run every so many RL steps and keeps the last few."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol, cast

from lightning import Callback, LightningModule, Trainer

from sophia.checkpoint import checkpoint_path, list_checkpoints
from sophia.data.datamodule import StepLoader
from sophia.rewards.judge.down import JudgeDown


class _Clock(Protocol):
    rl_step: int


class CheckpointCallback(Callback):
    """Counts RL steps, whatever the number of optimizer steps in one.

    Args:
        run_dir: of the run; files go to its ``checkpoints`` folder.
        every_n_steps: RL steps between two saves.
        num_steps: of the run; the state after the last step is always saved.
        keep_last: how many are kept.
    """

    def __init__(
        self, *, run_dir: Path, every_n_steps: int, num_steps: int, keep_last: int
    ) -> None:
        if every_n_steps < 1 or keep_last < 1:
            raise ValueError(
                f"every_n_steps is {every_n_steps} and keep_last {keep_last}; both must be at"
                " least 1."
            )
        self._folder = Path(run_dir) / "checkpoints"
        self._every_n_steps = every_n_steps
        self._num_steps = num_steps
        self._keep_last = keep_last

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Save after the step, when its turn has come; every rank takes part."""
        rl_step = cast("_Clock", pl_module).rl_step
        if rl_step % self._every_n_steps and rl_step != self._num_steps:
            return
        self._save(trainer, rl_step)

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        """Save the step that a judge which is down has stopped, before anything was updated.

        With several ranks nothing is saved: the others may not have stopped, and saving waits for
        all of them.
        """
        if isinstance(exception, JudgeDown) and trainer.world_size == 1:
            rl_step = cast("_Clock", pl_module).rl_step
            cast("StepLoader", trainer.train_dataloader).rewind(rl_step)
            self._save(trainer, rl_step)

    def _save(self, trainer: Trainer, rl_step: int) -> None:
        trainer.save_checkpoint(checkpoint_path(self._folder, rl_step))
        if trainer.is_global_zero:
            for _, path in list_checkpoints(self._folder)[: -self._keep_last]:
                path.unlink()
