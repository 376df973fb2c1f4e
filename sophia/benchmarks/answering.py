"""A benchmark's questions are asked in shares, piece by piece, through kills and bad rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic
from typing import TextIO

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


def answer_resumably(
    make: Callable[[], Evaluator],
    grader: BenchmarkGrader,
    prompts: BenchmarkPrompts,
    places: Sequence[int],
    path: Path,
    *,
    rules: str,
    share: Share,
    description: str,
) -> Answers:
    """The records of the questions at ``places``; what is on disk is not asked again.

    Answers that were graded by other rules, or about which a served model could not be reached,
    are graded anew.

    Args:
        make: builds the evaluator, if something is missing.
        grader: the evaluator's own.
        prompts: what is asked.
        places: which of them.
        path: the file of records; shares stand beside it in files of their own.
        rules: names what answers are graded by.
        share: which of the places this process asks; the records of all that are there are given.
        description: stands before the progress bar.
    """
    whole = share == Share()
    own = path if whole else path.with_suffix(f".{share.index}-of-{share.of}.jsonl")
    _cut_off(own)
    done = _load(path)
    mine = [place for place in places if place % share.of == share.index]
    left = [place for place in mine if place not in done]
    stale = [place for place in mine if place in done and done[place].is_stale(rules)]
    if left or stale:
        evaluator = make() if left else None
        bar = tqdm(total=len(mine), initial=len(mine) - len(left), desc=description, leave=False)
        with bar, own.open("a") as file:
            for piece in pieces(stale):
                again = grader.again([(prompts.closed(p), done[p].records) for p in piece])
                _write(file, piece, again, rules=rules, seconds=0.0)
            for piece in pieces(left):
                assert evaluator is not None
                began = monotonic()
                records = answered(evaluator, grader, prompts, piece, bar.update)
                _write(file, piece, records, rules=rules, seconds=monotonic() - began)
        done = _load(path)
    lines = [done[place] for place in places if place in done]
    return Answers(
        records=[record for line in lines for record in line.records],
        seconds=sum(line.seconds for line in lines),
    )


def pieces(places: Sequence[int]) -> Iterator[Sequence[int]]:
    """The places, so many at a time as have their images open at once."""
    for start in range(0, len(places), _PROMPTS_AT_A_TIME):
        yield places[start : start + _PROMPTS_AT_A_TIME]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """What is on disk about one question."""

    records: Sequence[EvalRecord]
    rules: str
    seconds: float

    def is_stale(self, rules: str) -> bool:
        """Whether it was graded by something else, or a model could not be reached."""
        return self.rules != rules or any(r.failure == NO_REPLY for r in self.records)


def _write(
    file: TextIO,
    piece: Sequence[int],
    groups: Sequence[Sequence[EvalRecord]],
    *,
    rules: str,
    seconds: float,
) -> None:
    """Add a line per question, so that a kill leaves all of its records or none."""
    for place, records in zip(piece, groups, strict=True):
        line = {
            "place": place,
            "seconds": seconds / len(piece),
            "rules": rules,
            "records": [asdict(record) for record in records],
        }
        file.write(json.dumps(line) + "\n")
    file.flush()


def _load(path: Path) -> dict[int, _Line]:
    """What the files of shares hold, and this one, by place; what was graded later counts."""
    lines: dict[int, _Line] = {}
    for file in [*sorted(path.parent.glob(f"{path.stem}.*-of-*.jsonl")), path]:
        for line in _whole_lines(file):
            row = json.loads(line)
            before = lines.get(row["place"])
            lines[row["place"]] = _Line(
                records=[parse_record(record) for record in row["records"]],
                rules=row["rules"],
                seconds=row["seconds"] + (before.seconds if before is not None else 0.0),
            )
    return lines


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
