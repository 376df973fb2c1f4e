"""A benchmark's questions are asked in shares, piece by piece, through kills and bad rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic
from typing import Protocol

from tqdm import tqdm

from sophia.benchmarks.asked import BenchmarkPrompts
from sophia.benchmarks.grader import BenchmarkGrader
from sophia.benchmarks.summary import NO_REPLY
from sophia.data.rows.row_error import RowError
from sophia.evaluation.evaluator import Evaluator
from sophia.evaluation.records import EvalRecord, parse_record
from sophia.types import Prompt

_PROMPTS_AT_A_TIME = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """Which of the questions a process asks: every one whose place is ``index`` modulo ``of``."""

    index: int = 0
    of: int = 1

    def __str__(self) -> str:
        return f"{self.index}/{self.of}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """The records of a benchmark's questions, in order, and the seconds that they took."""

    records: list[EvalRecord]
    seconds: float


class Answering(Protocol):
    """Who is asked; nothing of it is built before it is needed."""

    def grader(self) -> BenchmarkGrader:
        """Grades by the benchmark's rules, and by the model that it may ask."""

    def evaluator(self, grader: BenchmarkGrader) -> Evaluator:
        """Has the policy answer, and the grader grade."""


def answer_resumably(
    policy: Answering,
    prompts: BenchmarkPrompts,
    places: Sequence[int],
    path: Path,
    *,
    share: Share,
    description: str,
) -> Answers:
    """The records of the questions at ``places``; those on disk are not made again.

    Only answers that a served model could not be asked about are handed to it once more.

    Args:
        policy: who is asked, if something is missing.
        prompts: what is asked.
        places: which of them.
        path: the file of records; shares stand beside it in files of their own.
        share: which of the places this process asks; the records of all that are there are given.
        description: stands before the progress bar.
    """
    whole = share == Share()
    own = path if whole else path.with_suffix(f".{share.index}-of-{share.of}.jsonl")
    _cut_off(own)
    done = _load(path)
    mine = [place for place in places if place % share.of == share.index]
    left = [place for place in mine if place not in done.records]
    open_ones = {p: done.records[p] for p in mine if _is_open(done.records.get(p, ()))}
    if open_ones:
        _judge_again(policy.grader(), prompts, open_ones, own)
    if left:
        grader = policy.grader()
        evaluator = policy.evaluator(grader)
        total = len(mine)
        with tqdm(total=total, initial=total - len(left), desc=description, leave=False) as bar:
            for start in range(0, len(left), _PROMPTS_AT_A_TIME):
                piece = left[start : start + _PROMPTS_AT_A_TIME]
                began = monotonic()
                records = answered(evaluator, grader, prompts, piece, bar.update)
                _append(own, piece, records, seconds=monotonic() - began)
    if left or open_ones:
        done = _load(path)
    known = [place for place in places if place in done.records]
    return Answers(records=[r for p in known for r in done.records[p]], seconds=done.seconds)


def answered(
    evaluator: Evaluator,
    grader: BenchmarkGrader,
    prompts: BenchmarkPrompts,
    places: Sequence[int],
    progress: Callable[[], object],
) -> list[list[EvalRecord]]:
    """The records of the question at each place, all images open at once.

    A question that cannot be asked is wrong and ends nothing. ``progress`` is called after each.
    """
    opened: list[Prompt] = []
    unasked: dict[int, list[EvalRecord]] = {}
    for place in places:
        try:
            opened.append(prompts[place])
        except RowError as error:
            unasked[place] = [grader.unasked(prompts.closed(place), str(error))]
            progress()
    groups = iter(evaluator.groups(opened, answered=progress))
    return [unasked[place] if place in unasked else next(groups) for place in places]


def _is_open(records: Sequence[EvalRecord]) -> bool:
    return any(record.failure == NO_REPLY for record in records)


def _judge_again(
    grader: BenchmarkGrader,
    prompts: BenchmarkPrompts,
    open_ones: Mapping[int, Sequence[EvalRecord]],
    path: Path,
) -> None:
    """Append those answers about which the served model replies this time."""
    asked = {place: prompts.closed(place) for place in open_ones}
    again = iter(grader.again([(asked[p], r) for p, own in open_ones.items() for r in own]))
    for place, records in open_ones.items():
        graded = [next(again) for _ in records]
        if not _is_open(graded):
            _append(path, [place], [graded], seconds=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Done:
    records: dict[int, list[EvalRecord]]
    seconds: float


def _append(
    path: Path, piece: Sequence[int], groups: Sequence[Sequence[EvalRecord]], *, seconds: float
) -> None:
    """Add a line per question, so that a kill leaves all of its records or none."""
    with path.open("a") as file:
        for place, records in zip(piece, groups, strict=True):
            line = {
                "place": place,
                "seconds": seconds / len(piece),
                "records": [asdict(record) for record in records],
            }
            file.write(json.dumps(line) + "\n")


def _load(path: Path) -> _Done:
    """What this file and those of shares hold; a line that is being written is left out.

    An answer that was graded again takes the place of the first one.
    """
    records: dict[int, list[EvalRecord]] = {}
    seconds = 0.0
    for file in [path, *sorted(path.parent.glob(f"{path.stem}.*-of-*.jsonl"))]:
        for line in _whole_lines(file):
            row = json.loads(line)
            place = row["place"]
            if place not in records or _is_open(records[place]):
                records[place] = [parse_record(record) for record in row["records"]]
                seconds += row["seconds"]
    return _Done(records=records, seconds=seconds)


def _whole_lines(path: Path) -> Iterator[bytes]:
    if not path.is_file():
        return
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                yield line


def _cut_off(path: Path) -> None:
    """Remove what a kill left of a line."""
    if not path.is_file():
        return
    whole = sum(len(line) for line in _whole_lines(path))
    if whole < path.stat().st_size:
        with path.open("r+b") as file:
            file.truncate(whole)
