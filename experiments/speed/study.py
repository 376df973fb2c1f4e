"""Chooses TRL's setting at each shape, then runs all systems in turn and writes results.csv.

    python -m experiments.speed.study [REPEATS [SHAPE ...]]

A process that has finished is not repeated.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from experiments.speed.process import TOKENS, Row, run, write
from experiments.speed.shapes import SHAPES, STUDY
from experiments.speed.systems import TRL_SETTINGS, sophia_command, trl_command

HERE = Path(__file__).parent
RUNS = STUDY / "runs"


def main() -> None:
    """All shapes, or those named."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    names = sys.argv[2:] or list(SHAPES)
    choices = [row for name in names for row in try_settings(name)]
    write(HERE / "choices.csv", choices)
    rows: list[Row] = []
    for name in names:
        own = [row for row in choices if row["shape"] == name]
        best = str(min(own, key=lambda row: row["step_s"])["setting"])
        for repeat in range(repeats):
            rows += measure(name, best, repeat)
            write(HERE / "results.csv", rows)


def try_settings(name: str) -> list[Row]:
    """One process of each setting of TRL."""
    rows = []
    for number, setting in enumerate(TRL_SETTINGS):
        folder = RUNS / f"{name}-setting-{number}"
        measured = run(trl_command(name, setting, folder), folder, SHAPES[name])
        rows.append({"shape": name, "setting": setting, **measured})
    return rows


def measure(name: str, trl_setting: str, repeat: int) -> list[Row]:
    """One process of each system in turn; their token counts must be those of the shape."""
    shape = SHAPES[name]
    commands: dict[str, Callable[[Path], Sequence[str]]] = {
        "shared": lambda folder: sophia_command(name, "shared", folder),
        "naive": lambda folder: sophia_command(name, "naive", folder),
        "trl": lambda folder: trl_command(name, trl_setting, folder),
    }
    rows: list[Row] = []
    for system, command in commands.items():
        folder = RUNS / f"{name}-{system}-{repeat}"
        measured = run(command(folder), folder, shape)
        rows.append({"shape": name, "system": system, "repeat": repeat, **measured})
    expected = (
        shape.completions * shape.prompt_tokens,
        shape.completions * shape.response_tokens,
    )
    counts = {tuple(row[column] for column in TOKENS) for row in rows}
    assert counts == {expected}, f"{name}: tokens of a step are {counts}, expected {expected}"
    return rows


if __name__ == "__main__":
    main()
