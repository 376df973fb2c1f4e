"""Run folders -> results.csv, and the README's table: accuracy, its difference, time per phase.

python experiments/engines/analyze.py outputs/studies/engines
"""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from statistics import fmean, median, stdev

from sophia.run.metrics_file import read_metrics

HERE = Path(__file__).parent
BEGIN, END = "<!-- table -->\n", "<!-- end -->"
PHASES = ("weight_sync", "sync_proof", "rollout", "reference", "update")
COMPLETIONS = 16 * 8
"""Of a step of the quick start."""
T_975 = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776}
"""Student's t by degrees of freedom."""


def row_of(folder: Path) -> dict[str, object]:
    """One run."""
    run = json.loads((folder / "run.json").read_text())
    steps = read_metrics(folder / "metrics.csv")
    tokens = [COMPLETIONS * float(step["completions/mean_length"]) for step in steps]
    seconds = [float(step["timing_s/rollout"]) for step in steps]
    return {
        "experiment": folder.name.rpartition("-")[0],
        "seed": run["seed"],
        "commit": run["commit"],
        "overrides": " ".join(
            o for o in run["overrides"] if not o.startswith(("run_dir", "resume"))
        ),
        "cpu_cores": run["hardware"]["cpu_cores"],
        "threads": run["hardware"]["threads"],
        "accuracy_before": run["accuracy_before"],
        "accuracy_after": run["accuracy_after"],
        "max_logp_difference": max(
            float(s["sampling/sampling_logp_difference/max"]) for s in steps
        ),
        **{f"{p}_ms": 1000 * median(float(s[f"timing_s/{p}"]) for s in steps) for p in PHASES},
        "tokens_per_s": sum(tokens) / sum(seconds),
        "total_s": run["wall_time_s"]["total"],
    }


def paired_difference(rows: list[dict[str, object]]) -> str:
    """vLLM's accuracy after training less the other's, seed by seed, with Student's interval."""
    after = {(str(r["experiment"]), str(r["seed"])): float(str(r["accuracy_after"])) for r in rows}
    seeds = sorted({seed for _, seed in after})
    gaps = [100 * (after["quickstart_vllm", s] - after["quickstart", s]) for s in seeds]
    if len(gaps) < 2:
        return f"difference {gaps[0]:+.1f} points, one seed"
    half = T_975[len(gaps) - 1] * stdev(gaps) / len(gaps) ** 0.5
    mean = fmean(gaps)
    return f"difference {mean:+.1f} points, 95 % interval [{mean - half:+.1f}, {mean + half:+.1f}]"


def table(rows: list[dict[str, object]]) -> str:
    """Markdown."""
    names = ("experiment", "seed", "accuracy_before", "accuracy_after", "max_logp_difference")
    names += (*(f"{p}_ms" for p in PHASES), "tokens_per_s", "total_s")
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    for row in rows:
        cells = [row[n] for n in names]
        shown = [f"{c:.3g}" if isinstance(c, float) else str(c) for c in cells]
        lines.append("| " + " | ".join(shown) + " |")
    return "\n".join(lines)


def main() -> None:
    rows = [row_of(path.parent) for path in sorted(Path(sys.argv[1]).glob("*/run.json"))]
    with (HERE / "results.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    readme = HERE / "README.md"
    head, _, rest = readme.read_text().partition(BEGIN)
    body = f"{table(rows)}\n\n{paired_difference(rows)}\n"
    readme.write_text(head + BEGIN + body + END + rest.partition(END)[2])


if __name__ == "__main__":
    main()
