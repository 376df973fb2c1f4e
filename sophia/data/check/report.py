"""What a data check found, as values."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sophia.data.rows.row_error import RowError


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A row that cannot be used, where it stands (0-based in its file), and how to mend it."""

    source: str
    file: str
    row: int
    column: str
    reason: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LongPrompt:
    """One of the longest prompts, with the lengths of its text and of all its images in tokens."""

    uid: str
    text_tokens: int
    image_tokens: int
    num_images: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Twins:
    """The uids of two prompts with the same texts, options and images.

    ``same_answer`` is False where their gold answers contradict each other.
    """

    first: str
    second: str
    same_answer: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DataReport:
    """What was found in one data set, compared with its held-out part if one was given."""

    num_rows: int
    num_refused: int
    refused: tuple[Refusal, ...]
    """The first of the refused rows; ``num_refused`` counts all."""
    refused_by_column: Mapping[tuple[str, str], int]
    """How many rows of a source were refused for a column, by (source, column)."""
    counts: Mapping[tuple[str, str], int]
    """How many rows can be used, by (source, problem type)."""
    images_per_prompt: Mapping[int, int]
    """How many prompts have so many images, by number of images."""
    prompt_tokens: NDArray[np.int32]  # (usable prompts,) text and image tokens
    image_tokens: NDArray[np.int32]  # (usable prompts,)
    longest: tuple[LongPrompt, ...]
    max_prompt_tokens: int
    on_overlong: str
    most_tokens: int
    """Tokens of the longest prompt, those that are refused for it included."""
    num_overlong: int
    """Prompts over ``max_prompt_tokens``; ``on_overlong`` says what happens to them."""
    num_duplicates: int
    duplicates: tuple[Twins, ...]
    num_heldout: int
    num_overlap: int
    """Prompts that are also held out."""
    overlap: tuple[Twins, ...]
    num_shared_images: int
    """Prompts with an image that a held-out prompt has too."""
    seconds: float

    @property
    def num_usable(self) -> int:
        """How many rows became prompts."""
        return self.num_rows - self.num_refused


def refusal_of(error: RowError) -> Refusal:
    """The parts of a row's error as a line of the report."""
    origin = error.origin
    return Refusal(
        source=origin.source,
        file=origin.file,
        row=origin.row,
        column=error.column,
        reason=error.reason,
        remedy=error.remedy,
    )


def write_counts(report: DataReport, path: Path) -> None:
    """Write the single numbers of a report as JSON, for programs."""
    numbers = {
        field.name: value
        for field in fields(report)
        if isinstance(value := getattr(report, field.name), int | float | str)
    }
    path.write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")


def write_refused(report: DataReport, path: Path) -> None:
    """Write the listed refusals as CSV; ``RowDataset(exclude=path)`` leaves those rows out."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(Refusal.__slots__)
        for refusal in report.refused:
            writer.writerow(getattr(refusal, name) for name in Refusal.__slots__)
