"""Ctrl-C between two steps, and going on with more of them."""

from __future__ import annotations

import csv
import os
import signal
import time
from pathlib import Path

import pytest

from tests.commands import SMALL_RUN, run, start

pytestmark = pytest.mark.slow

LONG = ("train.py", *SMALL_RUN, "data.num_workers=1", "callbacks.checkpoint.every_n_steps=1000")


def steps(folder: Path) -> list[int]:
    if not (folder / "metrics.csv").is_file():
        return []
    with (folder / "metrics.csv").open(newline="") as file:
        return [int(row["rl_step"]) for row in csv.DictReader(file)]


def children_of(parent: int) -> list[int]:
    """The processes that it has started, in its own group."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            number, rest = status.read_text().split(" (", 1)
        except OSError:  # it has ended meanwhile
            continue
        fields = rest.rpartition(") ")[2].split()
        if int(fields[1]) == parent and int(fields[2]) == os.getpgid(parent):
            found.append(int(number))
    return found


def test_ctrl_c_writes_a_checkpoint_and_the_run_goes_on(tmp_path: Path, cache: Path) -> None:
    own = tmp_path / "run"
    process = start(*LONG, "num_steps=5000", f"run_dir={own}", cache=cache)
    deadline = time.monotonic() + 100
    while len(steps(own)) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    second = run(*LONG, "num_steps=5000", f"run_dir={own}", "resume=true", cache=cache, expect=1)
    assert f"another process is at work in {own}" in second
    workers = children_of(process.pid)
    assert workers  # the loader's: a terminal's Ctrl-C is told to them as well
    for worker in workers:
        os.kill(worker, signal.SIGINT)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "stopping after this step, with a checkpoint; Ctrl-C again stops at once" in said
    assert f"interrupted between two steps, with a checkpoint. Go on with run_dir={own}" in said
    assert "Traceback" not in said
    done = len(steps(own))
    ((name),) = [path.name for path in (own / "checkpoints").iterdir()]
    assert name == f"step_{done:06d}.ckpt"
    more = ("resume=true", f"num_steps={done + 2}", f"run_dir={own}")
    run(*LONG, *more, cache=cache)
    assert steps(own) == list(range(done + 2))


def test_ctrl_c_in_the_warm_start_leaves_nothing_half_made(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    quick = [word for word in LONG if word != "warm_start=none"]
    endless = ("warm_start.max_steps=9999", "warm_start.check_from=9999")
    process = start(*quick, *endless, f"run_dir={tmp_path / 'run'}", cache=cache)
    deadline = time.monotonic() + 100
    while not list(cache.glob("*/model.safetensors")) and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(1)  # into the fit, whose interruption Lightning turns into an exit of its own
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert said.count("interrupted.") == 1
    assert "Traceback" not in said
    assert not list(cache.iterdir())


def test_a_finished_run_takes_more_steps(tmp_path: Path, cache: Path) -> None:
    own = tmp_path / "run"
    run(*LONG, "num_steps=2", f"run_dir={own}", cache=cache)
    again = run(*LONG, "num_steps=3", f"run_dir={own}", cache=cache, expect=1)
    assert "already holds a run of 2 steps. Add resume=true" in again
    others = ("logger=csv", "callbacks.validation=null")
    more = run(*LONG, "num_steps=3", *others, f"run_dir={own}", "resume=true", cache=cache)
    assert "num_steps: 2 -> 3" in more
    assert steps(own) == [0, 1, 2]
    assert (own / "run_step_000002.json").is_file()
    assert (own / "run.json").is_file()
