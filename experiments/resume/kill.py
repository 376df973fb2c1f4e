"""Kill a run ten times, resume it ten times, compare it with one that ran through."""

from __future__ import annotations

import csv
import random
import subprocess
import sys
import time
from pathlib import Path

import torch
from transformers import AutoModelForImageTextToText

from sophia.run.folder import RunFolder
from sophia.run.metrics_file import read_metrics

HERE = Path(__file__).parent
RUNS = Path("outputs/studies/resume")
COMMAND = [
    sys.executable, "train.py", "num_steps=60", "callbacks.checkpoint.every_n_steps=5",
]  # fmt: skip
KILLS = 10


def main() -> None:
    whole, killed = RUNS / "whole", RUNS / "killed"
    subprocess.run([*COMMAND, f"run_dir={whole}"], check=True)
    draw = random.Random(time.time_ns())
    with (HERE / "results.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["kill", "seconds_after_start", "rows_then", "checkpoint_then"])
        for kill in range(KILLS):
            writer.writerow([kill, *kill_once(killed, draw.uniform(2.0, 40.0))])
    subprocess.run([*COMMAND, f"run_dir={killed}", "resume=true"], check=True)
    rows, weights = compare(whole, killed)
    print(f"{len(rows)} rows, {sum(rows)} equal; weights equal: {weights}")


def kill_once(folder: Path, seconds: float) -> tuple[float, int, int]:
    resume = str((folder / "config.yaml").is_file()).lower()
    process = subprocess.Popen([*COMMAND, f"run_dir={folder}", f"resume={resume}"])
    time.sleep(seconds)
    process.kill()
    process.wait()
    return (
        round(seconds, 2),
        len(read_metrics(folder / "metrics.csv")),
        RunFolder(path=folder).start_step,
    )


def compare(whole: Path, killed: Path) -> tuple[list[bool], bool]:
    def rows(folder: Path) -> list[dict[str, str]]:
        return [
            {k: v for k, v in row.items() if not k.startswith(("timing_s/", "perf/"))}
            for row in read_metrics(folder / "metrics.csv")
        ]

    left, right = rows(whole), rows(killed)
    models = [AutoModelForImageTextToText.from_pretrained(f / "policy") for f in (whole, killed)]
    pairs = zip(*(m.parameters() for m in models), strict=True)
    same = len(left) == len(right) and all(torch.equal(a, b) for a, b in pairs)
    return [a == b for a, b in zip(left, right, strict=False)], same


if __name__ == "__main__":
    main()
