"""Training on rows without, with one and with several images, over two epochs, in workers."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.data.builders import image, write_lines

ROOT = Path(__file__).parents[2]
KINDS = (
    {"problem": "No image?"},
    {"problem": "One?", "images": "one.png"},
    {"problem": "<image> or <image>?", "images": ["one.png", "two.png"]},
)


@pytest.mark.slow
def test_two_epochs_over_mixed_rows(tmp_path: Path, tiny_folder: Path) -> None:
    for name, size in (("one", (60, 40)), ("two", (30, 90))):
        image(*size).save(tmp_path / f"{name}.png")
    write_lines(
        tmp_path / "mixed.jsonl",
        [
            KINDS[n % 3] | {"problem": f"{KINDS[n % 3]['problem']} {n}", "answer": n}
            for n in range(30)
        ],
    )
    run = tmp_path / "run"
    command = [
        sys.executable, "train.py", "data=rows", "template=plain", "reward=outcome",
        f"data.train.sources.files.mine={tmp_path}/mixed.jsonl", "data.num_workers=2",
        "data.train.part=[0.0,0.8]", "data.heldout.part=[0.8,1.0]",
        f"model.path={tiny_folder}", "model.tiny=null", "warm_start=none",
        "num_steps=12", "prompts_per_step=4", "num_generations=2", f"run_dir={run}",
    ]  # fmt: skip
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run(command, check=True, cwd=ROOT, env=environment, timeout=300, capture_output=True)
    with (run / "metrics.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 12  # 24 training rows, 4 in a step, twice
