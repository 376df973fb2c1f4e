"""Run folders -> results.csv, pilots.csv or saving.csv: one row per run."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from statistics import fmean

from sophia.evaluation.records import load_records
from sophia.rewards.trust import is_correct
from sophia.run.metrics_file import read_metrics

HERE = Path(__file__).parent
NAMES = {"study": "results.csv", "pilots": "pilots.csv", "saving": "saving.csv"}


def row_of(folder: Path) -> dict[str, object]:
    """Settings, held-out figures, and what the steps were like."""
    run = json.loads((folder / "run.json").read_text())
    name, _, seed = folder.name.rpartition("-")
    row: dict[str, object] = {"name": name, "seed": int(seed), "commit": run["commit"]}
    for when in ("before", "after"):
        records = load_records(folder / f"evaluation_{when}.jsonl")
        row[f"items_{when}"] = len(records)
        row[f"right_{when}"] = sum(r.outcome is not None and is_correct(r.outcome) for r in records)
        row[f"well_formed_{when}"] = sum(r.well_formed for r in records)
    steps = read_metrics(folder / "metrics.csv")
    row["steps"] = len(steps)

    def mean(key: str, rows: list[dict[str, str]], digits: int = 4) -> object:
        values = [float(step[key]) for step in rows if step.get(key)]
        return round(fmean(values), digits) if values else ""

    row["entropy_end"] = mean("entropy", steps[-10:])
    row["clipped"] = mean("clip_ratio/region_mean", steps, 6)
    row["left_out"] = mean("optim/frac_groups_left_out", steps)
    row["tokens_computed"] = mean("optim/frac_tokens_computed", steps)
    row["update_s"] = mean("timing_s/update", steps)
    row["step_s"] = mean("perf/step_seconds", steps)
    return row


def main() -> None:
    part = sys.argv[1]
    folder = Path("outputs/studies/algorithms") / part
    rows = [row_of(path.parent) for path in sorted(folder.glob("*/run.json"))]
    with (HERE / NAMES[part]).open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
