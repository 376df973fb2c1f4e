"""The progress bar: what is trained, RL steps, reward, accuracy, time left."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from typing import Any, Protocol, cast

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import TQDMProgressBar
from lightning.pytorch.callbacks.progress.tqdm_progress import Tqdm
from torch import nn

_BETWEEN = " · "
_UNITS = (("B", 1e9), ("M", 1e6), ("k", 1e3))


class _HasModel(Protocol):
    """The module that is trained, as far as the bar needs it."""

    hf_model: nn.Module


class StepProgressBar(TQDMProgressBar):
    """Lightning's bar with the words of an RL run; what is trained stands in front of it.

    Such as ``quickstart · 0.9M Qwen2.5-VL · digits``, in at most half of the terminal's width.

    Args:
        description: replaces these words; None makes them of the run, its model and its data.
        name: the ``name`` of the run's settings.
        data_name: what the data of the run are called.
    """

    def __init__(
        self, *, description: str | None = None, name: str = "", data_name: str = ""
    ) -> None:
        super().__init__()
        self._description = description
        self._name = name
        self._data_name = data_name

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Find out what is trained, and show the bar."""
        if self._description is None:
            model = model_in_words(cast("_HasModel", pl_module).hf_model)
            half = shutil.get_terminal_size().columns // 2
            self._description = fitted((self._name, model, self._data_name), width=half)
        super().on_train_start(trainer, pl_module)

    def init_train_tqdm(self) -> Tqdm:
        """A bar over the RL steps of the run."""
        bar = super().init_train_tqdm()
        bar.set_description(self._description)
        return bar

    def on_train_epoch_start(self, trainer: Trainer, *args: Any) -> None:
        """Leave the epoch's number out: there is one, which nobody needs to know."""
        super().on_train_epoch_start(trainer, *args)
        self.train_progress_bar.set_description(self._description)

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        """End the bar's line: what stopped the run stands on one of its own."""
        if self._train_progress_bar is not None:
            self._train_progress_bar.close()

    def get_metrics(
        self, trainer: Trainer, pl_module: LightningModule
    ) -> dict[str, int | str | float | dict[str, float]]:
        """The figures behind the bar, without the version number of a logger."""
        metrics = super().get_metrics(trainer, pl_module)
        metrics.pop("v_num", None)
        return metrics


def model_in_words(model: nn.Module) -> str:
    """``0.9M Qwen2.5-VL``: how many parameters a model has, and of what kind it is.

    The kind is the name of its architecture in transformers, without what it is made for.
    """
    config = getattr(model, "config", None)
    architectures = getattr(config, "architectures", None) or [type(model).__name__]
    kind = re.sub(r"(For|LMHead)[A-Z]?\w*$", "", architectures[0])
    kind = re.sub(r"(\d)_(\d)", r"\1.\2", kind).replace("_", "-")
    return f"{in_units(sum(p.numel() for p in model.parameters()))} {kind}"


def in_units(count: int) -> str:
    """A number with one decimal and its unit, from the one that it is at least 0.1 of: ``0.9M``."""
    for unit, size in _UNITS:
        if count >= 0.1 * size:
            return f"{count / size:.1f}{unit}"
    return str(count)


def fitted(parts: Sequence[str], *, width: int) -> str:
    """As many of the parts, from the first on, as fit into ``width`` characters.

    The first is cut when not even it fits; empty parts are left out.
    """
    known = [part for part in parts if part]
    for count in range(len(known), 0, -1):
        text = _BETWEEN.join(known[:count])
        if len(text) <= width:
            return text
    return f"{known[0][: max(width - 1, 0)]}…" if known else ""
