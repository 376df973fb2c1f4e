"""How rewards, lengths and advantages of a step are distributed, for loggers that show it."""

from __future__ import annotations

from typing import Any, cast

from lightning import Callback, LightningModule, Trainer

from sophia.callbacks.every import Every
from sophia.protocols import Clock
from sophia.run.loggers import HistogramLogger
from sophia.step import StepBatch


class HistogramsCallback(Callback):
    """Logs ``distribution/reward``, ``/length`` (in tokens) and ``/advantage`` of a step.

    The first process does, with its own completions: all of them with one process, else its share.

    Args:
        every_n_steps: RL steps from one that is shown to the next.
    """

    def __init__(self, *, every_n_steps: int) -> None:
        self._every = Every(n_steps=every_n_steps)

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: StepBatch,
        batch_idx: int,
    ) -> None:
        """Log the step when it is its turn."""
        rl_step = cast("Clock", pl_module).rl_step - 1
        if not trainer.is_global_zero or not self._every.due(rl_step):
            return
        values = distributions(batch)
        for logger in trainer.loggers:
            if isinstance(logger, HistogramLogger):
                logger.log_histograms(values, rl_step=rl_step)


def distributions(batch: StepBatch) -> dict[str, list[float]]:
    """The values of all completions of the step by name; what has no value is left out.

    A reward is missing where the outcome could not be scored.
    """
    groups = batch.trained.groups
    values = {
        "reward": [r.total for group in groups for r in group.rewards if r.total is not None],
        "length": [float(len(c.token_ids)) for g in groups for c in g.rollout.completions],
        "advantage": list(batch.trained.advantages),
    }
    return {f"distribution/{name}": found for name, found in values.items() if found}
