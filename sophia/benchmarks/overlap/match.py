"""What a comparison of training rows with a benchmark says, as values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sophia.data.images.opening import ImageError
from sophia.data.rows.row_error import RowError
from sophia.types import Prompt

Kind = Literal["question", "image", "text"]
"""The same question about the same image; the same image, another question; the text alone."""

KINDS: dict[Kind, str] = {
    "question": "same question",
    "image": "same image",
    "text": "same text",
}
"""What people call a kind; the strongest evidence first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A training row that is near to a question of a benchmark."""

    kind: Kind
    item: int
    """The question's 0-based place in its benchmark."""
    bits: int | None
    """How many of 128 bits of their images' hashes differ; None where no images are near."""
    likeness: float | None
    """The correlation of their images' 16 x 16 pixels; None where no images are near."""
    similarity: float
    """The share of runs of words that both questions have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One training row, compared with all benchmarks."""

    row: Prompt | RowError
    """The prompt, or why the row cannot be read; then nothing was compared."""
    broken: Sequence[ImageError] = ()
    """Images of the row that cannot be opened; its text was compared all the same."""
    matches: Mapping[str, Sequence[Match]]
    """The matches in each benchmark that has any, by its name."""
