"""Data sets whose prompts fit and have open images: what a loader worker hands out."""

from __future__ import annotations

import logging
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sophia.data.lengths import OverlongError, PromptFitter
from sophia.data.prompts import PromptDataset
from sophia.types import Prompt

log = logging.getLogger(__name__)


def open_dataset(dataset: PromptDataset, fitter: PromptFitter) -> Opened:
    """The data set as training and evaluation see it, after ``on_overlong`` has been obeyed."""
    return Opened(Fitting(dataset, fitter) if fitter.on_overlong == "skip" else dataset, fitter)


class Opened:
    """Prompts with decoded images; each is decoded when it is asked for, and not kept."""

    def __init__(self, dataset: PromptDataset, fitter: PromptFitter) -> None:
        self._dataset = dataset
        self._fitter = fitter

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, index: int) -> Prompt:
        return self._fitter.open(self._dataset[index])


class Fitting:
    """The prompts of a data set that fit; measured once, at first use, by image headers."""

    def __init__(self, dataset: PromptDataset, fitter: PromptFitter) -> None:
        self._dataset = dataset
        self._fitter = fitter

    def __len__(self) -> int:
        return len(self._kept)

    def __getitem__(self, index: int) -> Prompt:
        if not 0 <= index < len(self):
            raise IndexError(index)
        return self._dataset[int(self._kept[index])]

    @property
    def num_skipped(self) -> int:
        """How many prompts were too long."""
        return len(self._dataset) - len(self._kept)

    @cached_property
    def _kept(self) -> NDArray[np.int64]:
        total = len(self._dataset)
        kept = [index for index in range(total) if self._fits(self._dataset[index])]
        if not kept:
            raise ValueError(
                f"none of {total} prompts has at most {self._fitter.max_prompt_tokens} tokens."
                " Raise max_prompt_tokens, lower max_pixels, or set on_overlong to resize."
            )
        if len(kept) < total:
            limit = self._fitter.max_prompt_tokens
            log.warning("skipped %d of %d prompts over %d tokens", total - len(kept), total, limit)
        return np.array(kept, dtype=np.int64)

    def _fits(self, prompt: Prompt) -> bool:
        try:
            self._fitter.limits_for(prompt, self._fitter.measure(prompt))
        except OverlongError:
            return False
        return True
