"""The progress bar: RL steps, reward, accuracy, time left."""

from __future__ import annotations

from typing import Any

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import TQDMProgressBar
from lightning.pytorch.callbacks.progress.tqdm_progress import Tqdm


class StepProgressBar(TQDMProgressBar):
    """Lightning's bar with the words of an RL run; ``description`` stands in front of it."""

    def __init__(self, *, description: str = "Trust-GRPO") -> None:
        super().__init__()
        self._description = description

    def init_train_tqdm(self) -> Tqdm:
        """A bar over the RL steps of the run."""
        bar = super().init_train_tqdm()
        bar.set_description(self._description)
        return bar

    def on_train_epoch_start(self, trainer: Trainer, *args: Any) -> None:
        """Leave the epoch's number out: there is one, which nobody needs to know."""
        super().on_train_epoch_start(trainer, *args)
        self.train_progress_bar.set_description(self._description)

    def get_metrics(
        self, trainer: Trainer, pl_module: LightningModule
    ) -> dict[str, int | str | float | dict[str, float]]:
        """The figures behind the bar, without the version number of a logger."""
        metrics = super().get_metrics(trainer, pl_module)
        metrics.pop("v_num", None)
        return metrics
