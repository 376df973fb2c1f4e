"""A judge of the real kind: `vllm serve` on loopback, asked during a short run."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError

import pytest

from sophia.data.digits import DigitsDataset
from sophia.models.tiny import TinyQwen25VL
from sophia.rewards.judge.prompts.five_criteria import CLOSING, INSTRUCTIONS
from sophia.run.metrics_file import read_metrics
from tests.commands import run

_START_S = 180.0
SHORT = (
    "num_steps=2", "prompts_per_step=4", "num_generations=4", "data.heldout.num_prompts=4",
    "warm_start.max_steps=60", "warm_start.check_from=60", "warm_start.stop_accuracy=0.01",
)  # fmt: skip


@pytest.fixture(scope="module")
def judge_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights, but the judge's instructions are short in its tokens."""
    target = tmp_path_factory.mktemp("models") / "judge"
    prompts = DigitsDataset(split="train", num_prompts=50, seed=0)
    corpus = [INSTRUCTIONS, *CLOSING.values(), *(prompts[i].question for i in range(50))]
    tiny = TinyQwen25VL(
        seed=1, vocab_size=1200, hidden_size=128, num_layers=2, num_heads=4, num_kv_heads=2,
        intermediate_size=96, vision_hidden_size=64, vision_layers=2, vision_heads=2,
        initializer_range=0.08,
    )  # fmt: skip
    tiny.save(target, corpus=corpus)
    return target


@pytest.fixture(scope="module")
def server(judge_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Its base address; stopped afterwards."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("server") / "log"
    command = [
        sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", str(judge_folder),
        "--served-model-name", "judge", "--host", "127.0.0.1", "--port", str(port),
        "--dtype", "float32", "--enforce-eager", "--max-num-seqs", "16",
        "--limit-mm-per-prompt", '{"image": 4, "video": 0}',
    ]  # fmt: skip
    environment = {**os.environ, "VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_NO_USAGE_STATS": "1"}
    environment.pop("VLLM_ENABLE_V1_MULTIPROCESSING", None)
    with log.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=environment)
        try:
            _wait(f"http://127.0.0.1:{port}/health", process, log)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.terminate()
            process.wait(timeout=60)


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()[-3000:]
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (URLError, OSError):
            time.sleep(0.5)
    raise AssertionError(f"no server after {_START_S:.0f} s: {log.read_text()[-3000:]}")


def test_a_run_is_judged_by_a_served_model(server: str, tmp_path: Path) -> None:
    run(
        "train.py", *SHORT, "judge=http", f"judge.url={server}", "judge.model=judge",
        f"judge.cache_path={tmp_path / 'judge.sqlite'}", "judge.calls.structured=always",
        f"run_dir={tmp_path / 'run'}", cache=tmp_path / "cache",
    )  # fmt: skip
    rows = read_metrics(tmp_path / "run" / "metrics.csv")
    assert len(rows) == 2
    assert sum(float(row["judge/calls"]) for row in rows) > 0
    assert all(float(row["judge/fail_rate"]) == 0.0 for row in rows)
    # Random weights may fill their 64 tokens with the white space that JSON allows.
    assert all(float(row["judge/parse_fail_rate"]) < 0.7 for row in rows)
