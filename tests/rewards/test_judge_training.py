"""A short training run with a served judge that is down at first: it stops, and goes on."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from sophia.run.folder import RunFolder
from sophia.run.metrics_file import read_metrics
from tests.commands import SHORT_WARM_START, run
from tests.rewards.judge_server import Answer, JudgeServer, Request, refuses, says

SMALL = (
    "num_steps=2", "prompts_per_step=4", "num_generations=4", "data.heldout.num_prompts=4",
    *SHORT_WARM_START, "judge=http", "judge.cache_path=null", "judge.calls.max_attempts=1",
    "judge.breaker.window_steps=1",
)  # fmt: skip


def train(folder: Path, url: str, *overrides: str, cache: Path, expect: int) -> str:
    places = (f"run_dir={folder / 'run'}", f"judge.url={url}")
    return run("train.py", *SMALL, *places, *overrides, cache=cache, expect=expect)


def by_length(request: Request) -> Answer:
    """Some score that differs between completions."""
    return says(f"0.{len(request.text) % 10}")


class DownAfter:
    """Scores so many times, and then fails until it is mended."""

    def __init__(self, calls: int) -> None:
        self.left = calls

    def __call__(self, request: Request) -> Answer:
        self.left -= request.method == "POST"
        return by_length(request) if self.left >= 0 else refuses(500, "out of memory")


def test_a_judge_that_is_not_there_is_said_before_anything_is_trained(tmp_path: Path) -> None:
    server = JudgeServer(by_length)
    server.start()
    server.stop()
    start = time.monotonic()
    said = train(tmp_path, server.url, cache=tmp_path, expect=1)
    assert time.monotonic() - start < 30
    assert f"at {server.url}" in said
    assert "Nobody listens there" in said
    assert "warm start" not in said
    assert not RunFolder(path=tmp_path / "run").has_steps  # so that the next start takes it over


@pytest.mark.slow
def test_stops_for_a_judge_that_goes_down_and_resumes_when_it_is_back(
    taught: Path, tmp_path: Path
) -> None:
    behaviour = DownAfter(1)  # the ping
    with JudgeServer(behaviour) as server:
        said = train(tmp_path, server.url, cache=taught / "cache", expect=1)
        assert f"The judge at {server.url}" in said
        assert "judge-check" in said
        assert "Traceback" not in said
        names = [p.name for p in (tmp_path / "run" / "checkpoints").iterdir()]
        assert names == ["step_000000.ckpt"]
        behaviour.left = 10_000
        train(tmp_path, server.url, "resume=true", cache=taught / "cache", expect=0)
    rows = read_metrics(tmp_path / "run" / "metrics.csv")
    assert [row["rl_step"] for row in rows] == ["0", "1"]
    for row in rows:
        assert float(row["judge/calls"]) > 0
        assert float(row["judge/fail_rate"]) == float(row["judge/parse_fail_rate"]) == 0
        assert float(row["thinking/frac_groups_counted"]) == 1
        assert 0 < float(row["rewards/thinking/mean"]) < 1
