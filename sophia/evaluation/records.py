"""What was answered to each held-out prompt, and how good it was."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

SOUND_THINKING = 0.9
"""A thinking score of at least this is sound: everything read right, claimed truly, concluded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvalRecord:
    """One answer: the greedy one, or one of several samples.

    ``units`` are what a bootstrap resamples (the scans in the image); an item whose units are
    drawn twice counts twice. ``outcome`` or ``thinking`` None: could not be scored.
    """

    uid: str
    problem_type: str
    units: tuple[int | str, ...]
    question: str
    answer: str
    text: str
    well_formed: bool
    outcome: float | None
    thinking: float | None
    sample: int = 0


def save_records(path: Path, records: Sequence[EvalRecord]) -> None:
    """One JSON object per line, whole or not at all."""
    partial = path.with_suffix(".partial")
    with partial.open("w") as file:
        for record in records:
            file.write(json.dumps(asdict(record)) + "\n")
    os.replace(partial, path)


def load_records(path: Path) -> list[EvalRecord]:
    """The inverse of save_records."""
    with path.open() as file:
        return [parse_record(json.loads(line)) for line in file]


def parse_record(row: dict[str, Any]) -> EvalRecord:
    """From its JSON object."""
    return EvalRecord(**{**row, "units": tuple(row["units"])})
