"""An evaluation that may be killed: records reach the disk piece by piece, whole lines only."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from tqdm import tqdm

from sophia.evaluation.evaluator import Evaluator, Prompts
from sophia.evaluation.records import EvalRecord, parse_record
from sophia.types import Prompt

_PROMPTS_AT_A_TIME = 128

Groups = list[list[EvalRecord]]
"""The records of each prompt; place i belongs to prompt i."""


def evaluate_resumably(
    make_evaluator: Callable[[], Evaluator], prompts: Prompts, path: Path, *, description: str
) -> list[EvalRecord]:
    """The records of all prompts, in order; those that ``path`` holds are not made again.

    Args:
        make_evaluator: builds the evaluator and the model behind it, if something is missing.
        prompts: what is asked; a second call has to give the same ones.
        path: the file that records are added to.
        description: stands before the progress bar.
    """
    done = _load(path)
    evaluator = make_evaluator() if len(done) < len(prompts) else None
    with tqdm(total=len(prompts), initial=len(done), desc=description, leave=False) as bar:
        while len(done) < len(prompts):
            assert evaluator is not None
            piece = _Piece(prompts, len(done), min(len(done) + _PROMPTS_AT_A_TIME, len(prompts)))
            groups = evaluator.groups(piece, answered=bar.update)
            _append(path, groups)
            done += groups
    return [record for group in done for record in group]


class _Piece:
    """The prompts from ``start`` to before ``stop``, opened when they are asked for."""

    def __init__(self, prompts: Prompts, start: int, stop: int) -> None:
        self._prompts = prompts
        self._places = range(start, stop)

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int, /) -> Prompt:
        return self._prompts[self._places[index]]


def _append(path: Path, groups: Sequence[Sequence[EvalRecord]]) -> None:
    """Add a line with all records of a prompt, so that a kill leaves all of them or none."""
    with path.open("a") as file:
        for group in groups:
            file.write(json.dumps([asdict(record) for record in group]) + "\n")


def _load(path: Path) -> Groups:
    """The records that are there; what a kill left of a line is cut off the file."""
    if not path.is_file():
        return []
    data = path.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    if len(whole) < len(data):
        with path.open("r+b") as file:
            file.truncate(len(whole))
    return [[parse_record(row) for row in json.loads(line)] for line in whole.splitlines()]
