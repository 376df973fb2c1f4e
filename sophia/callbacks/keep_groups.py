"""Keeps what was sampled, scored and used in each step: see `python -m sophia inspect`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from lightning import Callback, LightningModule, Trainer

from sophia.callbacks.every import Every
from sophia.protocols import Clock
from sophia.run.folder import RunFolder
from sophia.run.groups import record_groups, save_groups
from sophia.step import StepBatch


class KeepRolloutsCallback(Callback):
    """Writes a parquet file per kept step and process to the run's ``rollouts`` folder.

    A resumed run writes the steps after its checkpoint again, over the same names, so a kill
    leaves neither duplicates nor half a file.

    Args:
        run_dir: the folder of the run.
        every_n_steps: RL steps from one that is kept to the next.
        max_image_side: the longest side, in pixels, of the images that are kept, once per group;
            larger ones are made smaller, and 0 keeps none.
    """

    def __init__(self, *, run_dir: Path, every_n_steps: int = 1, max_image_side: int = 768) -> None:
        self._folder = RunFolder(path=Path(run_dir)).rollouts
        self._every = Every(n_steps=every_n_steps)
        self._max_image_side = max_image_side

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: StepBatch,
        batch_idx: int,
    ) -> None:
        """Write the step that has just been trained on."""
        rl_step = cast("Clock", pl_module).rl_step - 1
        if not self._every.due(rl_step):
            return
        records = record_groups(
            batch.trained.groups,
            batch.trained.advantages,
            rl_step=rl_step,
            max_image_side=self._max_image_side,
        )
        save_groups(
            self._folder,
            records,
            rl_step=rl_step,
            rank=trainer.global_rank,
            world_size=trainer.world_size,
        )
