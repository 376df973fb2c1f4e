"""Does the cost of an update grow linearly in tokens, groups and images? Writes linear.csv.

python -m experiments.speed.linear
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from experiments.speed.process import Row, write
from experiments.speed.shapes import STUDY

HERE = Path(__file__).parent
BASE = {"response_tokens": 32, "groups": 2, "images": 1}
SWEEPS = {
    "response_tokens": (16, 32, 64, 96, 128, 192, 256),
    "groups": (1, 2, 4, 6, 8, 12, 16),
    "images": (1, 2, 4, 6, 8, 12, 16),
}


def main() -> None:
    """Measure every point alone."""
    rows = [
        {"varied": varied, **measure(BASE | {varied: value})}
        for varied, values in SWEEPS.items()
        for value in values
    ]
    write(HERE / "linear.csv", rows)


def measure(point: dict[str, int]) -> Row:
    """In a process of its own; a light parent, or its memory would count."""
    out = STUDY / "point.json"
    command = [sys.executable, "-m", "experiments.speed.linear_point"]
    arguments = [*map(str, point.values()), str(out)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    subprocess.run([*command, *arguments], check=True, env=environment, capture_output=True)
    row: Row = json.loads(out.read_text())
    return row


if __name__ == "__main__":
    main()
