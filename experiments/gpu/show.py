"""Prints what a step took: medians without the first two steps."""

from __future__ import annotations

import sys
from pathlib import Path
from statistics import median

from sophia.run.metrics_file import read_metrics


def main() -> None:
    """One line per phase and figure."""
    rows = read_metrics(Path(sys.argv[1]))[2:]
    names = sorted(name for name in rows[0] if name.startswith(("timing_s/", "perf/")))
    for name in names:
        print(f"{name:32} {median(float(row[name]) for row in rows if name in row):12.4f}")


if __name__ == "__main__":
    main()
