"""Runs the data check over a folder of make_rows.py and adds a line to results.csv.

Usage: python experiments/data_report/measure.py FOLDER [key=value ...]
"""

from __future__ import annotations

import csv
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
CATEGORIES = ("Chart", "General", "Knowledge", "Math", "OCR")


def main() -> None:
    folder, overrides = sys.argv[1], sys.argv[2:]
    with tempfile.TemporaryDirectory() as run_dir:
        files = ",".join(f"{name}:{folder}/{name}.json" for name in CATEGORIES)
        settings = [
            "data=sophiavl_130k",
            f"data.train.sources.files={{{files}}}",
            f"data.train.sources.image_root={folder}",
            f"run_dir={run_dir}",
            *overrides,
        ]
        begin = time.monotonic()
        subprocess.run([sys.executable, "-m", "sophia", "check", *settings], check=False)
        seconds = time.monotonic() - begin
        counts = json.loads((Path(run_dir) / "train/report.json").read_text())
    line = {
        "commit": commit(),
        "overrides": " ".join(overrides),
        "train_rows": counts["num_rows"],
        "refused": counts["num_refused"],
        "duplicates": counts["num_duplicates"],
        "seconds": round(seconds, 1),
        "peak_rss_mib": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024,
        "hardware": f"{platform.machine()}, {os.cpu_count()} cores",
    }
    append(HERE / "results.csv", line)
    print(line)


def append(path: Path, line: dict[str, object]) -> None:
    is_new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, line)
        if is_new:
            writer.writeheader()
        writer.writerow(line)


def commit() -> str:
    command = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    main()
