"""Reading metrics.csv and validation.csv, also while a run is writing them."""

from __future__ import annotations

import csv
from pathlib import Path

STEP = "rl_step"
"""The column that numbers the rows."""


def read_metrics(path: Path, *, before: int | None = None) -> list[dict[str, str]]:
    """Complete rows (of RL steps below ``before``); empty cells are left out."""
    if not path.is_file():
        return []
    with path.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if None not in row.values()]
    return [
        {name: value for name, value in row.items() if value != ""}
        for row in rows
        if before is None or int(row[STEP]) < before
    ]
