"""Sweeps: where they live, that a kill loses nothing, what they end with."""

from __future__ import annotations

import contextlib
import csv
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sophia.cli.command_line.arguments import quoted
from sophia.cli.sweep.folder import override_key, sweep_arguments
from tests.commands import ROOT, SMALL_RUN, run, start

SWEPT = ("annealing=exponential,constant", "reward.trust=true,false", "seed=0,1")
TINY = (*SMALL_RUN, "num_steps=2", "callbacks.samples=null", "logger=csv")


def folder_of(*arguments: str) -> str:
    return next(a for a in sweep_arguments(arguments) if a.startswith("hydra.sweep.dir="))


def test_the_same_sweep_finds_its_folder() -> None:
    first = folder_of("-m", "num_steps=4", "seed=0,1", "annealing=linear,constant")
    assert first == folder_of("-m", "annealing=linear,constant", "seed=0,1", "num_steps=4")
    assert first == folder_of("-m", "num_steps=4", "seed=0,1,2", "annealing=linear,constant")
    assert first == folder_of(
        "-m", "num_steps=4", "seed=0,1", "annealing=cosine,linear", "debug=true"
    )
    assert first != folder_of("-m", "num_steps=5", "seed=0,1", "annealing=linear,constant")
    assert first != folder_of("-m", "num_steps=4", "seed=0,1", "reward.trust=true,false")
    assert first.startswith("hydra.sweep.dir='outputs/${name}/sweeps/")


def test_a_folder_can_be_given_and_only_swept_keys_name_jobs() -> None:
    arguments = sweep_arguments(["-m", "num_steps=4", "seed=0,1", "sweep_dir=runs/my sweep"])
    assert arguments == [
        "-m", "num_steps=4", "seed=0,1", "hydra.sweep.dir='runs/my sweep'",
        "hydra.job.config.override_dirname.exclude_keys=[num_steps]",
    ]  # fmt: skip


def test_of_a_key_given_twice_the_later_counts() -> None:
    arguments = sweep_arguments(["-m", "seed=5", "num_steps=4", "seed=0,1", "sweep_dir=x"])
    assert arguments[1:3] == ["seed=0,1", "num_steps=4"]
    assert arguments[-1] == "hydra.job.config.override_dirname.exclude_keys=[num_steps]"


def test_values_are_quoted_and_keys_read() -> None:
    assert quoted("it's a=b,c") == r"'it\'s a=b,c'"
    assert override_key("+reward.extra.x=1") == "reward.extra.x"


def jobs_of(folder: Path) -> list[Path]:
    """Processes that have the sweep's folder in their command line; Linux lists them here."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it may have ended since
            found += [path] * (str(folder).encode() in path.read_bytes())
    return found


def within(seconds: float, happened: Callable[[], object]) -> bool:
    """Whether it happens in that time."""
    deadline = time.monotonic() + seconds
    while not happened() and time.monotonic() < deadline:
        time.sleep(0.05)
    return bool(happened())


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes where Linux lists them")
def test_a_sweep_survives_a_kill_and_ends_with_one_table(tmp_path: Path, cache: Path) -> None:
    arguments = (
        "train.py",
        "-m",
        *TINY,
        *SWEPT[1:],
        "hydra.launcher.parallel=2",
        f"sweep_dir={tmp_path}",
    )
    process = start(*arguments, cache=cache)
    assert within(200, lambda: len(list(tmp_path.glob("*/run.json"))) >= 2)
    assert jobs_of(tmp_path)
    process.kill()
    process.communicate()
    assert within(10, lambda: not jobs_of(tmp_path))  # the jobs die with their sweep
    done = {path.parent.name: path.stat().st_mtime_ns for path in tmp_path.glob("*/run.json")}
    assert 2 <= len(done) < 4

    output = run(*arguments, cache=cache)
    assert output.count("finished before") == len(done)
    for name, written in done.items():
        assert (tmp_path / name / "run.json").stat().st_mtime_ns == written
    assert "reward.trust-False_seed-1: done" in output
    assert "4 runs" in " ".join(output.split())
    assert "reward.trust" in output
    with (tmp_path / "sweep.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {(r["reward.trust"], r["seed"]) for r in rows} == {
        (trust, seed) for trust in ("True", "False") for seed in ("0", "1")
    }
    assert (tmp_path / "sweep.html").is_file()


@pytest.mark.slow
def test_a_job_that_fails_is_named_and_the_others_go_on(tmp_path: Path, cache: Path) -> None:
    # The tiny model's heads do not divide a hidden size of 62: that is found out in the job.
    swept = ("model.tiny.hidden_size=62,64", f"sweep_dir={tmp_path / 'sweep'}")
    (tmp_path / "template").mkdir()
    shutil.copy(ROOT / "configs/template/plain.yaml", tmp_path / "template/own.yaml")
    own = ("template=own", "--config-dir", str(tmp_path))  # jobs are told the folder too
    output = run("train.py", "-m", *TINY, *swept, *own, cache=cache, expect=1)
    assert "model.tiny.hidden_size-62: failed with status 1" in output
    assert "1 runs have not finished (model.tiny.hidden_size-62)" in output
    assert "model.tiny.hidden_size-64: done" in output
    assert "1 runs" in output
    assert "Traceback" not in output


@pytest.mark.slow
def test_a_typo_in_the_last_job_ends_the_sweep_before_its_first(
    tmp_path: Path, cache: Path
) -> None:
    output = run(
        "train.py", "-m", "annealing=linear,constnat", f"sweep_dir={tmp_path}",
        cache=cache, expect=1,
    )  # fmt: skip
    assert "error: there is no annealing 'constnat'; did you mean 'constant'?" in output
    assert not list(tmp_path.glob("*/*"))


@pytest.mark.slow
def test_trust_without_thinking_is_no_crash(tmp_path: Path, cache: Path) -> None:
    output = run(
        "train.py", *TINY, "reward=outcome", "reward.trust=true", f"run_dir={tmp_path / 'run'}",
        cache=cache,
    )  # fmt: skip
    assert "right, wrong thinking" in output
