"""`rollout=vllm` as a user types it: the same run as with the other engine, kills and two ranks."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sophia.run.metrics_file import read_metrics
from tests.benchmarks.fixtures.published import write
from tests.commands import ROOT, SMALL_RUN, run, start
from tests.processes import free_port

SMALL = (*SMALL_RUN, "model.tiny.hidden_size=128", "model.tiny.num_heads=4")
VLLM = ("rollout=vllm", "rollout.settings.dtype=float32", "rollout.settings.max_model_len=512")
SAME = ("reward", "accuracy", "loss", "grad_norm", "kl", "entropy", "completions/mean_length")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "whole"
    run("train.py", *SMALL, *VLLM, f"run_dir={folder}", cache=cache)
    return folder


def rows(folder: Path) -> list[dict[str, str]]:
    found = read_metrics(folder / "metrics.csv")
    return [{k: v for k, v in row.items() if not k.startswith("timing_s/")} for row in found]


def test_the_run_is_the_same_with_either_engine(
    finished: Path, tmp_path: Path, cache: Path
) -> None:
    run("train.py", *SMALL, f"run_dir={tmp_path / 'other'}", cache=cache)
    mine, other = rows(finished), rows(tmp_path / "other")
    assert len(mine) == len(other) == 8
    for name in SAME:
        expected = [float(row[name]) for row in other]
        assert [float(row[name]) for row in mine] == pytest.approx(expected, abs=1e-4)


def test_the_engine_and_the_trainer_agree_at_every_step(finished: Path) -> None:
    for row in rows(finished):
        assert float(row["sampling/sampling_logp_difference/max"]) < 1e-4
        assert float(row["sampling/importance_sampling_ratio/min"]) == pytest.approx(1, abs=1e-4)
        assert float(row["sync/tensors"]) == 56
        assert float(row["sync/readback_elements"]) > 100
    assert float(rows(finished)[0]["sync/probe_max_abs_diff"]) < 1e-4


def test_evaluation_is_the_same_with_either_engine(
    finished: Path, tmp_path: Path, cache: Path
) -> None:
    results = []
    for name, engine in (("vllm", VLLM), ("transformers", ())):
        few = ("seed=1", "data.heldout.num_prompts=8", f"run_dir={tmp_path / name}")
        run("evaluate.py", f"ckpt={finished}", *engine, *few, cache=cache)
        result = json.loads((tmp_path / name / "results.json").read_text())
        results.append(result["policies"][0]["figures"])
    assert results[0] == results[1]


def test_benchmarks_are_answered_alike_with_either_engine(
    finished: Path, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the letter, with images and without, since both decode greedily in float32."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))  # where the digits' images are kept
    write("mmstar", tmp_path / "files")
    shared = (
        "evaluate.py", f"ckpt={finished}", "benchmark=[digits,mmstar]", "limit=8", "blind=true",
        f"benchmark_root={tmp_path / 'files'}", "sampling.max_new_tokens=12",
    )  # fmt: skip
    said = []
    for name, engine in (("vllm", VLLM), ("transformers", ())):
        run(*shared, *engine, f"run_dir={tmp_path / name}", cache=cache)
        said.append(_texts(tmp_path / name))
    assert said[0] == said[1]
    assert {name: len(texts) for name, texts in said[0].items()} == {
        "digits": 8, "digits-blind": 8, "mmstar": 4, "mmstar-blind": 4,
    }  # fmt: skip
    assert len({text for texts in said[0].values() for text in texts}) > 1


def _texts(folder: Path) -> dict[str, list[str]]:
    """What was answered to each benchmark."""
    return {
        path.stem.rpartition("-")[0]: [
            json.loads(line)["records"][0]["text"] for line in path.read_text().splitlines()
        ]
        for path in folder.glob("*.jsonl")
    }


def test_killed_and_resumed_is_no_interruption(finished: Path, tmp_path: Path, cache: Path) -> None:
    folder = tmp_path / "killed"
    process = start("train.py", *SMALL, *VLLM, f"run_dir={folder}", cache=cache)
    deadline = time.monotonic() + 120
    while not (folder / "checkpoints" / "step_000004.ckpt").is_file():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    run("train.py", *SMALL, *VLLM, f"run_dir={folder}", "resume=true", cache=cache)
    assert len(rows(folder)) == 8
    for mine, whole in zip(rows(folder), rows(finished), strict=True):
        for name in SAME:
            assert float(mine[name]) == pytest.approx(float(whole[name]), abs=1e-5), name


def torchrun(*arguments: str) -> None:
    """Two processes, as docs/vllm.md says."""
    for left in Path("/dev/shm").glob("*-cpushm_*"):  # of a killed run, whose name vLLM takes again
        left.unlink()
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2"]
    port = f"--master-port={free_port()}"
    done = subprocess.run(
        [*launcher, port, *arguments], cwd=ROOT, text=True, capture_output=True, timeout=280,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("tensor_parallel_size", [1, 2])
def test_two_processes_are_one(
    tensor_parallel_size: int,
    finished: Path,
    tmp_path: Path,
    cache: Path,
) -> None:
    folder = tmp_path / "two"
    two = ("trainer.devices=2", "trainer.strategy=ddp", f"run_dir={folder}")
    parallel = f"rollout.settings.tensor_parallel_size={tensor_parallel_size}"
    short = ("num_steps=3", "algorithm.lr_schedule.decay_steps=8", "annealing.decay_steps=8")
    torchrun("train.py", *SMALL, *VLLM, *two, parallel, *short, f"cache_dir={cache}")
    alone, both = rows(finished)[:3], rows(folder)
    assert len(both) == 3
    for name in SAME:
        expected = [float(row[name]) for row in alone]
        assert [float(row[name]) for row in both] == pytest.approx(expected, abs=1e-4)


def test_several_processes_need_torchrun(tmp_path: Path, cache: Path) -> None:
    two = ("trainer.devices=2", "trainer.strategy=ddp", f"run_dir={tmp_path / 'two'}")
    output = run("train.py", *SMALL, *VLLM, *two, cache=cache, expect=1)
    assert "torchrun --nproc-per-node 2 train.py" in output
    assert "Traceback" not in output
