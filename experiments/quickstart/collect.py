"""Run folders -> results.csv: one row per run, with the counts that pooled shares need."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from statistics import fmean

from sophia.evaluation.records import SOUND_THINKING, load_records
from sophia.rewards.trust import is_correct
from sophia.run.metrics_file import read_metrics

HERE = Path(__file__).parent


def row_of(folder: Path) -> dict[str, object]:
    """Settings, times and held-out figures of a run."""
    run = json.loads((folder / "run.json").read_text())
    row: dict[str, object] = {
        "reward": folder.name.rpartition("-")[0],
        "seed": run["seed"],
        "commit": run["commit"],
        "overrides": " ".join(
            o for o in run["overrides"] if not o.startswith(("run_dir", "resume"))
        ),
        "cpu_cores": run["hardware"]["cpu_cores"],
        "threads": run["hardware"]["threads"],
    }
    row |= {f"{phase}_s": seconds for phase, seconds in run["wall_time_s"].items()}
    for when in ("before", "after"):
        records = load_records(folder / f"evaluation_{when}.jsonl")
        right = [r for r in records if r.outcome is not None and is_correct(r.outcome)]
        row |= {
            f"items_{when}": len(records),
            f"right_{when}": len(right),
            f"right_wrong_thinking_{when}": sum((r.thinking or 0) < SOUND_THINKING for r in right),
            f"thinking_{when}": round(run["evaluation"][when]["thinking"]["value"], 4),
        }
    gammas = [
        float(r["trust/gamma"]) for r in read_metrics(folder / "metrics.csv") if "trust/gamma" in r
    ]
    row["gamma_mean"] = round(fmean(gammas), 4) if gammas else ""
    row["gamma_min"] = round(min(gammas), 4) if gammas else ""
    return row


def main() -> None:
    rows = [row_of(path.parent) for path in sorted(Path(sys.argv[1]).glob("*/run.json"))]
    with (HERE / "results.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
