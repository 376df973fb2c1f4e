"""What was answered to each held-out prompt, and how good it was."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from sophia.rewards.trust import is_correct

SOUND_THINKING = 0.9
"""The least thinking score, in [0, 1], that counts as sound reasoning in figures and on pages."""

GradedBy = Literal["rule", "model", "nobody"]
"""Who decided a score: a rule, a served model that the rule could not do without, or nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvalRecord:
    """One answer: the greedy one, or one of several samples.

    ``units`` are what a bootstrap resamples (the scans in the image, else the prompt itself); a
    record whose unit is drawn twice counts twice. ``outcome`` and ``thinking`` are scores in [0,
    1], or None where none could be given; ``sample`` numbers the answers to one prompt from 0.
    """

    uid: str
    problem_type: str
    units: tuple[int | str, ...]
    question: str
    """The whole user turn, as the template made it."""
    problem: str
    """The row's own question in it."""
    answer: str
    text: str
    well_formed: bool
    outcome: float | None
    thinking: float | None
    sample: int = 0
    options: Mapping[str, str] = field(default_factory=dict)
    """The text of each option by its letter; empty unless it is multiple choice."""
    judged: bool = False
    """Whether there was a judge to score its thinking; older files do not say."""
    lenient_outcome: float | None = None
    """The score of the answer wherever it stands, with or without the format, in [0, 1].

    None where it could not be graded, and where the evaluation read tagged answers alone.
    """

    labels: Mapping[str, str] = field(default_factory=dict)
    """What figures of a benchmark are taken by, such as its category; empty in a run's own."""
    extracted: str | None = None
    """What a benchmark's rule read from the answer; None where it could read nothing."""
    strict_outcome: float | None = None
    """The score by our own stricter rule, beside a benchmark's official one, in [0, 1]."""
    graded_by: GradedBy = "rule"
    asked: bool = True
    """Whether the question was put to the policy; False where it could not be, such as for want of
    its image."""
    failure: str = ""
    """Why it was not asked, or why nobody could grade the answer; "" where all went well."""

    @property
    def is_right(self) -> bool:
        """Whether the answer is right; one that could not be graded is not."""
        return self.outcome is not None and is_correct(self.outcome)

    @property
    def is_right_leniently(self) -> bool:
        """Whether the answer is right by the lenient reading."""
        return self.lenient_outcome is not None and is_correct(self.lenient_outcome)


def is_judged(records: Iterable[EvalRecord]) -> bool:
    """Whether there was a judge; where there was none, nothing is said about thinking.

    A judge may have scored none of them, such as when no answer has the format.
    """
    return any(record.judged or record.thinking is not None for record in records)


def save_records(path: Path, records: Sequence[EvalRecord]) -> None:
    """Write one JSON object per line, the whole file or nothing."""
    partial = path.with_suffix(".partial")
    with partial.open("w") as file:
        for record in records:
            file.write(json.dumps(asdict(record)) + "\n")
    os.replace(partial, path)


def load_records(path: Path) -> list[EvalRecord]:
    """The records that ``save_records`` wrote."""
    with path.open() as file:
        return [parse_record(json.loads(line)) for line in file]


def parse_record(row: dict[str, Any]) -> EvalRecord:
    """The record that a JSON object of ``save_records`` describes.

    Older files hold no ``problem``; there it is the whole user turn.
    """
    return EvalRecord(**{"problem": row["question"], **row, "units": tuple(row["units"])})
