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


@pytest.mark.slow
def test_a_run_leaves_bad_images_out_and_takes_a_reward_of_trl(
    tmp_path: Path, tiny_folder: Path
) -> None:
    image().save(tmp_path / "a.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "a.png").read_bytes()[:60])
    names = ["gone.png", "cut.png", *["a.png"] * 38]
    rows = [
        {"problem": f"How many of {n}?", "answer": n, "images": name, "choices": ["red", "blue"]}
        for n, name in enumerate(names)
    ]
    write_lines(tmp_path / "mine.jsonl", rows)
    reward = "{_target_: sophia.rewards.custom.CustomReward, signature: trl, weight: 0.1,"
    reward += ' function: "docs/examples/trl_reward.py:mentions_solution"}'
    run = tmp_path / "run"
    output = run_command(
        "train.py", "data=rows", "template=plain", "reward=outcome", "data.num_workers=0",
        f"data.train.sources.files={tmp_path}/mine.jsonl", "data.train.on_bad_row=skip",
        f"model.path={tiny_folder}", "model.tiny=null", "warm_start=none", f"run_dir={run}",
        "num_steps=2", "prompts_per_step=4", "num_generations=2", "sampling.max_new_tokens=8",
        f"+reward.extra.mentions={reward}", cache=tmp_path,
    )  # fmt: skip
    skipped = [line for line in output.splitlines() if "skipped" in line and ".jsonl, row" in line]
    assert sum("there is no file" in line for line in skipped) == 1
    assert sum("cut.png cannot be used" in line for line in skipped) == 1
    assert output.count("the rows carry 'choices' (such as") == 1
    assert "data.train.sources.columns.options=choices" in output
    with (run / "metrics.csv").open(newline="") as file:
        metrics = list(csv.DictReader(file))
    assert all(0.0 <= float(row["rewards/mentions/mean"]) <= 1.0 for row in metrics)
    assert len(metrics) == 2
