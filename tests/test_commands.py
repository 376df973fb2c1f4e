"""What a user types: a run, a kill, a resume, an evaluation, and mistakes."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForImageTextToText

from sophia.run.metrics_file import read_metrics
from tests.commands import SMALL_RUN, run, start

pytestmark = pytest.mark.slow


def timeless(folder: Path) -> list[dict[str, str]]:
    rows = read_metrics(folder / "metrics.csv")
    return [
        {k: v for k, v in row.items() if not k.startswith(("timing_s/", "perf/"))} for row in rows
    ]


def test_a_run_leaves_what_it_promises(finished: Path) -> None:
    record = json.loads((finished / "run.json").read_text())
    assert {"commit", "overrides", "seed", "hardware", "versions", "wall_time_s"} <= set(record)
    assert 0 <= record["accuracy_before"] <= 1
    assert 0 <= record["accuracy_after"] <= 1
    assert record["final_metrics"]["rl_step"] == 7
    assert "num_steps=8" in record["overrides"]
    assert len(timeless(finished)) == 8
    assert (finished / "curves.png").stat().st_size > 10_000
    assert list(finished.glob("events.*"))
    assert len(list((finished / "checkpoints").iterdir())) == 2


def test_the_policy_loads_with_from_pretrained(finished: Path) -> None:
    policy = AutoModelForImageTextToText.from_pretrained(finished / "policy")
    last = finished / "checkpoints" / "step_000008.ckpt"
    state = torch.load(last, weights_only=True)["state_dict"]
    for name, parameter in policy.named_parameters():
        assert torch.equal(parameter, state[f"policy.model.{name}"])


def test_killed_at_any_moment_and_resumed_is_no_interruption(
    finished: Path, tmp_path: Path, cache: Path
) -> None:
    folder = tmp_path / "killed"
    draw = random.Random(time.time_ns())
    seconds = sum(json.loads((finished / "run.json").read_text())["wall_time_s"].values())
    arguments = ["train.py", *SMALL_RUN, f"run_dir={folder}"]
    for _ in range(2):  # the second interrupts a run that was resumed
        process = start(*arguments, cache=cache)
        deadline = time.monotonic() + 60
        while not (folder / "config.yaml").is_file() and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(draw.uniform(0.0, seconds))
        process.kill()
        process.communicate()
        arguments = ["train.py", *SMALL_RUN, f"run_dir={folder}", "resume=true"]
    run(*arguments, cache=cache)
    assert timeless(folder) == timeless(finished)
    whole = AutoModelForImageTextToText.from_pretrained(finished / "policy")
    again = AutoModelForImageTextToText.from_pretrained(folder / "policy")
    for left, right in zip(whole.parameters(), again.parameters(), strict=True):
        assert torch.equal(left, right)


@pytest.mark.parametrize("part", ["", "checkpoints/step_000006.ckpt", "policy"])
def test_evaluate_takes_a_run_a_checkpoint_and_a_folder(
    part: str, finished: Path, tmp_path: Path, cache: Path
) -> None:
    output = run(
        "evaluate.py", f"ckpt={finished / part}", "seed=1", "data.heldout.num_prompts=8",
        f"run_dir={tmp_path}", cache=cache,
    )  # fmt: skip
    assert "accuracy" in output
    result = json.loads((tmp_path / "results.json").read_text())
    assert result["seed"] == 1
    assert set(result["policies"][0]["figures"]) >= {"accuracy", "thinking", "right_wrong_thinking"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("evaluate.py", "ckpt=nowhere"), "error: ckpt=nowhere does not exist; give a run folder"),
        (("evaluate.py",), "error: still to be said: ckpt=... (a run folder, a checkpoint"),
        (("train.py", "num_steps=abc"), "error: num_steps is 'abc'"),
        (("train.py", "+nmu_steps=3"), "did you mean 'num_steps'?"),
        (
            ("train.py", "model.tiny=null", "model.path=./nowhere"),
            "./nowhere is not a model in Hugging Face format: it does not exist",
        ),
        (
            ("train.py", "prompts_per_step=15", "algorithm.update.optimizer_steps_per_rollout=2"),
            "error: prompts_per_step is 15, which does not divide by 2",
        ),
    ],
)
def test_mistakes_end_in_one_sentence(
    arguments: tuple[str, ...], message: str, tmp_path: Path, cache: Path
) -> None:
    output = run(*arguments, f"run_dir={tmp_path / 'run'}", cache=cache, expect=1)
    assert message in output
    assert "Traceback" not in output


def test_a_folder_is_one_run(finished: Path, cache: Path) -> None:
    again = run("train.py", *SMALL_RUN, f"run_dir={finished}", cache=cache, expect=1)
    assert "already holds a run" in again
    other = run(
        "train.py", *SMALL_RUN, "seed=3", f"run_dir={finished}", "resume=true",
        cache=cache, expect=1,
    )  # fmt: skip
    assert "seed: 0 -> 3" in other


def test_two_processes_are_one(finished: Path, tmp_path: Path, cache: Path) -> None:
    folder = tmp_path / "two"
    two = ("trainer.devices=2", "trainer.strategy=ddp", f"run_dir={folder}")
    run("train.py", *SMALL_RUN, *two, cache=cache)
    alone, both = read_metrics(finished / "metrics.csv"), read_metrics(folder / "metrics.csv")
    assert len(both) == 8
    for name in ("reward", "kl", "loss", "grad_norm", "entropy", "completions/mean_length"):
        expected = [float(row[name]) for row in alone]
        assert [float(row[name]) for row in both] == pytest.approx(expected, abs=1e-5)


def test_unknown_verbs_are_corrected(cache: Path) -> None:
    output = run("-m", "sophia", "evalute", cache=cache, expect=2)
    assert "Did you mean 'evaluate'?" in output
