"""How many tokens a prompt takes, before any image is decoded, and what to do when too many."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sophia.data.images.opening import media_sizes, show_media
from sophia.data.images.pixels import PixelLimits
from sophia.data.prompts import PromptDataset
from sophia.data.rows.row_error import RowError, origin_of, row_error
from sophia.types import Prompt

log = logging.getLogger(__name__)

OnOverlong = Literal["refuse", "skip", "resize"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptLength:
    """How many tokens one prompt has."""

    text_tokens: int
    """All tokens but the image tokens: text, and whatever the chat template adds."""
    image_tokens: tuple[int, ...]
    """One number per image."""

    @property
    def total(self) -> int:
        """How many tokens the whole prompt has, text and images."""
        return self.text_tokens + sum(self.image_tokens)


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptLimits:
    """How large images and prompts may be, and what happens to prompts that are larger.

    Args:
        min_pixels: the fewest pixels of an image; smaller ones are enlarged.
        max_pixels: the most pixels of an image; larger ones are reduced.
        max_prompt_tokens: the most tokens of a prompt, text and images together.
        on_overlong: what happens to a prompt with more tokens. With ``refuse`` it stops the run;
            with ``skip`` it is left out and counted; with ``resize`` its images shrink alike until
            it fits, never below ``min_pixels``. Nothing is ever cut off.
    """

    min_pixels: int
    max_pixels: int
    max_prompt_tokens: int
    on_overlong: OnOverlong


class PromptFitter:
    """Measures prompts by image headers, and opens their images so that they fit."""

    def __init__(
        self, limits: PromptLimits, *, count_tokens: Callable[[Prompt], int], factor: int = 28
    ) -> None:
        """Set the limits.

        Args:
            limits: how large images and prompts may be.
            count_tokens: counts the tokens of a prompt's chat with one placeholder per image; it
                is given prompts whose images are not open.
            factor: side in pixels of the square that one image token covers.
        """
        self.max_prompt_tokens = limits.max_prompt_tokens
        self.on_overlong = limits.on_overlong
        self._pixels = PixelLimits(
            min_pixels=limits.min_pixels, max_pixels=limits.max_pixels, factor=factor
        )
        self._count_tokens = count_tokens

    def measure(self, prompt: Prompt) -> PromptLength:
        """The length of a prompt at the usual pixel limits; only image headers are read.

        Raises:
            RowError: an image is missing, broken or too thin.
        """
        image_tokens = self._tokens(prompt, media_sizes(prompt))
        text_tokens = self._count_tokens(prompt) - len(image_tokens)
        return PromptLength(text_tokens=text_tokens, image_tokens=image_tokens)

    def open(self, prompt: Prompt) -> Prompt:
        """The prompt with its images decoded, within the limits and ``max_prompt_tokens``.

        Raises:
            RowError: an image cannot be used, or the prompt is too long for the policy.
        """
        return show_media(prompt, self.limits_for(prompt, self.measure(prompt)))

    def limits_for(self, prompt: Prompt, length: PromptLength) -> tuple[PixelLimits, ...]:
        """The pixel limits of each image, narrower than usual where the prompt must shrink.

        Raises:
            OverlongError: the prompt is too long, and is not to be resized or cannot be.
        """
        usual = (self._pixels,) * len(length.image_tokens)
        if length.total <= self.max_prompt_tokens:
            return usual
        if self.on_overlong != "resize" or not usual:
            raise self._overlong(prompt, length)
        return self._shrunk(prompt, length)

    def _shrunk(self, prompt: Prompt, length: PromptLength) -> tuple[PixelLimits, ...]:
        share = (self.max_prompt_tokens - length.text_tokens) / sum(length.image_tokens)
        limits = tuple(
            self._pixels.at_most(int(tokens * max(share, 0.0))) for tokens in length.image_tokens
        )
        sizes = media_sizes(prompt)
        try:
            pairs = zip(limits, sizes, strict=True)
            smaller = sum(limit.tokens(*size) for limit, size in pairs)
        except ValueError:  # no size between min_pixels and the share
            smaller = sum(length.image_tokens)
        if length.text_tokens + smaller > self.max_prompt_tokens:
            raise self._overlong(prompt, length)
        return limits

    def _tokens(self, prompt: Prompt, sizes: tuple[tuple[int, int], ...]) -> tuple[int, ...]:
        try:
            return tuple(self._pixels.tokens(*size) for size in sizes)
        except ValueError as error:
            origin = origin_of(prompt)
            remedy = "Crop or replace the image, or leave the row out"
            raise row_error(origin, prompt.column("images"), str(error), remedy) from error

    def _overlong(self, prompt: Prompt, length: PromptLength) -> OverlongError:
        reason = (
            f"the prompt has {length.total} tokens ({length.text_tokens} text,"
            f" {sum(length.image_tokens)} image), at most {self.max_prompt_tokens} are allowed"
        )
        text_fits = length.text_tokens < self.max_prompt_tokens
        column = prompt.column("images" if length.image_tokens and text_fits else "problem")
        origin, remedy = origin_of(prompt), self._remedy(length)
        return OverlongError(
            f"{origin.file}, row {origin.row}: {reason}. {remedy}.",
            origin=origin,
            column=column,
            reason=reason,
            remedy=remedy,
            total=length.total,
        )

    def _remedy(self, length: PromptLength) -> str:
        """What takes a prompt that is too long, as settings; images shrink only if they can."""
        settings = (
            f"set prompt_limits.max_prompt_tokens={length.total}, which takes it, or"
            " prompt_limits.on_overlong=skip, which leaves it out"
        )
        if length.text_tokens >= self.max_prompt_tokens:
            return f"Resizing cannot help, the text alone is too long: {settings}"
        if self.on_overlong == "resize":
            return f"Resizing cannot help: lower min_pixels, or {settings}"
        return (
            f"Lower prompt_limits.max_pixels, {settings}, or prompt_limits.on_overlong=resize,"
            " which shrinks its images"
        )


class OverlongError(RowError):
    """The error about a prompt that has more tokens than allowed; ``total`` is how many."""

    def __init__(self, message: str, *, total: int = 0, **parts: Any) -> None:
        super().__init__(message, **parts)
        self.total = total


def open_dataset(dataset: PromptDataset, fitter: PromptFitter) -> OpenedPrompts:
    """The data set as training and evaluation see it: images open, too long prompts dealt with."""
    fitting = FittingPrompts(dataset, fitter) if fitter.on_overlong == "skip" else dataset
    return OpenedPrompts(fitting, fitter)


class OpenedPrompts:
    """Prompts with decoded images; each is decoded when it is asked for, and not kept."""

    def __init__(self, dataset: PromptDataset, fitter: PromptFitter) -> None:
        self._dataset = dataset
        self._fitter = fitter

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, index: int) -> Prompt:
        return self._fitter.open(self._dataset[index])


class FittingPrompts:
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
        """How many prompts were too long and are left out."""
        return len(self._dataset) - len(self._kept)

    @cached_property
    def _kept(self) -> NDArray[np.int64]:
        total = len(self._dataset)
        kept = [index for index in range(total) if self._fits(self._dataset[index])]
        if not kept:
            raise ValueError(
                f"none of {total} prompts has at most {self._fitter.max_prompt_tokens} tokens."
                " Raise prompt_limits.max_prompt_tokens, lower prompt_limits.max_pixels, or set"
                " prompt_limits.on_overlong=resize."
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
