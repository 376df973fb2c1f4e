"""Resident memory by step of the runs of run.sh: results.csv, the picture, slopes.

Usage: python experiments/memory/analyze.py FOLDER
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from statistics import linear_regression

import matplotlib.pyplot as plt

from sophia.run.metrics_file import read_metrics

HERE = Path(__file__).parent
RUNS = (
    "quickstart",
    "quickstart_long",
    "sharded_float32",
    "sharded_bfloat16",
    "sharded_bfloat16_no_kernels",
)


def main() -> None:
    curves = {name: resident_mib(Path(sys.argv[1]) / name) for name in RUNS}
    with (HERE / "results.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["run", "step", "rss_mib"])
        for name, curve in curves.items():
            writer.writerows([name, step, f"{mib:.1f}"] for step, mib in enumerate(curve))
    print("| run | MiB after step 1 | 20 | 50 | 100 | 150 | 200 | the last | slope |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, curve in curves.items():
        shown = " | ".join(f"{curve[step - 1]:.0f}" for step in (1, 20, 50, 100, 150, 200))
        print(f"| {name} | {shown} | {curve[-1]:.0f} | {slope(curve):+.1f} |")
    draw(curves)


def resident_mib(folder: Path) -> list[float]:
    """By step; the mean over the processes of the run."""
    rows = read_metrics(folder / "metrics.csv")
    return [float(row["perf/host_resident_gib"]) * 1024 for row in rows]


def slope(curve: list[float]) -> float:
    """MiB per 100 steps over the last 100 steps."""
    last = curve[-100:]
    return 100 * linear_regression(range(len(last)), last).slope


def draw(curves: dict[str, list[float]]) -> None:
    """One line per run."""
    figure, axes = plt.subplots(figsize=(8, 4), layout="constrained")
    for name, curve in curves.items():
        axes.plot(range(1, len(curve) + 1), curve, label=name.replace("_", " "))
    axes.set(xlabel="RL step", ylabel="resident memory of a process, MiB")
    axes.set_ylim(bottom=0)
    axes.legend()
    figure.savefig(HERE / "memory.png", dpi=110)


if __name__ == "__main__":
    main()
