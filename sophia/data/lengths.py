"""How many tokens a prompt takes, before any image is decoded, and what to do when too many."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from sophia.data.images.opening import media_sizes, show_media
from sophia.data.images.pixels import PixelLimits
from sophia.data.rows.origin import Origin, RowError, origin_of, row_error
from sophia.types import Prompt

OnOverlong = Literal["refuse", "skip", "resize"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptLength:
    """Tokens of one prompt."""

    text_tokens: int
    """All tokens but the image tokens: text, and whatever the chat template adds."""
    image_tokens: tuple[int, ...]
    """Per image."""

    @property
    def total(self) -> int:
        """Tokens of the whole prompt."""
        return self.text_tokens + sum(self.image_tokens)


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptLimits:
    """How large images and prompts may be, and what happens to prompts that are larger.

    ``on_overlong``: ``refuse``: a prompt with more than ``max_prompt_tokens`` stops the run;
    ``skip``: such prompts are left out and counted; ``resize``: their images shrink alike until
    the prompt fits, never below ``min_pixels``. Nothing is ever cut off.
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
            limits: of images and prompts.
            count_tokens: tokens of the chat with one placeholder per image; sees no pixels.
            factor: side in pixels of the square that one image token covers.
        """
        self.max_prompt_tokens = limits.max_prompt_tokens
        self.on_overlong = limits.on_overlong
        self._pixels = PixelLimits(
            min_pixels=limits.min_pixels, max_pixels=limits.max_pixels, factor=factor
        )
        self._count_tokens = count_tokens

    def measure(self, prompt: Prompt) -> PromptLength:
        """The length at the usual pixel limits; reads image headers only.

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
        return self.decode(prompt, self.limits_for(prompt, self.measure(prompt)))

    def decode(self, prompt: Prompt, limits: tuple[PixelLimits, ...]) -> Prompt:
        """The prompt with its images opened at ``limits``, one for each."""
        return show_media(prompt, limits)

    def limits_for(self, prompt: Prompt, length: PromptLength) -> tuple[PixelLimits, ...]:
        """The pixel limits of each image.

        Raises:
            RowError: the prompt is too long for the policy.
        """
        usual = (self._pixels,) * len(length.image_tokens)
        if length.total <= self.max_prompt_tokens:
            return usual
        if self.on_overlong != "resize" or not usual:
            raise self._overlong(prompt, length, "Raise max_prompt_tokens, lower max_pixels, or")
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
            raise self._overlong(prompt, length, "Resizing cannot help: lower min_pixels, or")
        return limits

    def _tokens(self, prompt: Prompt, sizes: tuple[tuple[int, int], ...]) -> tuple[int, ...]:
        try:
            return tuple(self._pixels.tokens(*size) for size in sizes)
        except ValueError as error:
            origin = origin_of(prompt)
            remedy = "Crop or replace the image, or leave the row out"
            raise row_error(origin, origin.image_column, str(error), remedy) from error

    def _overlong(self, prompt: Prompt, length: PromptLength, remedy: str) -> OverlongError:
        return overlong_error(
            origin_of(prompt), length, max_tokens=self.max_prompt_tokens, remedy=remedy
        )


class OverlongError(RowError):
    """A prompt that has more tokens than allowed."""


def overlong_error(
    origin: Origin, length: PromptLength, *, max_tokens: int, remedy: str
) -> OverlongError:
    """The error for a prompt that does not fit."""
    reason = (
        f"the prompt has {length.total} tokens ({length.text_tokens} text,"
        f" {sum(length.image_tokens)} image), at most {max_tokens} are allowed"
    )
    remedy += " set on_overlong to resize or skip"
    return OverlongError(
        f"{origin.file}, row {origin.row}: {reason}. {remedy}.",
        origin=origin,
        column=origin.image_column,
        reason=reason,
        remedy=remedy,
    )
