"""Training on rows without, with one and with several images, over two epochs, in workers."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tests.commands import run as run_command
from tests.data.builders import image, write_lines

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
        "train.py", "experiment=mine", "template=plain", "trainer=default", "prompt_limits=tiny",
        f"data.train.sources.files.mine={tmp_path}/mixed.jsonl", "data.num_workers=2",
        "data.train.part=[0.0,0.8]", "data.heldout.part=[0.8,1.0]",
        f"model.path={tiny_folder}", "sampling.max_new_tokens=24",
        "num_steps=12", "prompts_per_step=4", "num_generations=2", f"run_dir={run}",
    ]  # fmt: skip
    run_command(*command, cache=tmp_path)
    with (run / "metrics.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 12  # 24 training rows, 4 in a step, twice
