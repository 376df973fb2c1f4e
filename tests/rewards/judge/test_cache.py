"""The judge's replies are kept: a question that was asked before is not asked again."""

from __future__ import annotations

import json
import signal
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from sophia.metrics import values
from sophia.rewards.judge.http import HTTPJudge
from sophia.rewards.judge.prompts.five_criteria import FiveCriteria
from tests.rewards.judge_builders import completion, http_judge, image, prompt
from tests.rewards.judge_server import Answer, JudgeServer, Request, honest, says
from tests.warm import WarmProcess


def in_process(url: str, path: Path) -> dict[str, Any]:
    process = WarmProcess("-m", "tests.rewards.judge.cache_process", url, str(path))
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    result: dict[str, Any] = json.loads(output)
    return result


def test_two_processes_share_the_cache(tmp_path: Path) -> None:
    path = tmp_path / "scores.sqlite"
    expected = [i / 100 for i in range(40)]
    with JudgeServer() as server:
        with ThreadPoolExecutor(2) as pool:
            both = [pool.submit(in_process, server.url, path) for _ in range(2)]
            together = [one.result() for one in both]
        asked = len(server.requests)
        afterwards = in_process(server.url, path)
        assert len(server.requests) == asked
    assert [result["scores"] for result in (*together, afterwards)] == [expected] * 3
    assert 40 <= asked <= 80
    assert afterwards["metrics"]["judge/cache_hit"] == 1
    assert afterwards["metrics"]["judge/calls"] == 0


def num_kept(path: Path) -> int:
    if not path.exists():
        return 0
    with closing(sqlite3.connect(path)) as connection:
        try:
            return int(connection.execute("SELECT count(*) FROM replies").fetchone()[0])
        except sqlite3.OperationalError:  # it is being made
            return 0


def test_a_process_that_is_killed_loses_no_reply_that_came(tmp_path: Path) -> None:
    """All 40 are handed in together; 20 are answered when it is killed."""
    path = tmp_path / "replies.sqlite"

    def half(request: Request) -> Answer:
        return replace(honest(request), delay_s=0.0 if request.number < 20 else 60.0)

    with JudgeServer(half) as server:
        process = WarmProcess("-m", "tests.rewards.judge.cache_process", server.url, str(path))
        give_up = time.monotonic() + 30
        while num_kept(path) < 20 and time.monotonic() < give_up:
            time.sleep(0.02)
        process.kill()
        process.communicate(timeout=10)
        assert process.returncode == -signal.SIGKILL
        asked = len(server.requests)
        server.behaviour = honest
        afterwards = in_process(server.url, path)
        assert len(server.requests) - asked == 20
    assert afterwards["scores"] == [i / 100 for i in range(40)]


def ask(judge: HTTPJudge, **changes: Any) -> tuple[float | None, ...]:
    what: dict[str, Any] = {
        "question": "Q",
        "text": "quality=0.3",
        "images": (image("red"), image("blue")),
    }
    what |= changes
    seen = prompt(what["question"], images=what["images"])
    return judge.open_step().submit(seen, [completion(what["text"])]).result()


def test_only_the_very_same_question_is_a_hit(tmp_path: Path) -> None:
    path = tmp_path / "scores.sqlite"
    with JudgeServer() as server:
        with closing(http_judge(server.url, cache_path=path)) as judge:
            ask(judge)
            ask(judge)
            assert len(server.requests) == 1
            assert len(server.requests[0].images) == 2
            ask(judge, images=(image("blue"), image("red")))
            ask(judge, images=(image("red"),))
            ask(judge, question="R")
            ask(judge, text="quality=0.4")
            assert len(server.requests) == 5
            ask(judge, text="<think>a</think><answer>quality=0.3</answer>")
        thinking = FiveCriteria(sees="thinking")
        for override in ({"model": "other"}, {"prompt": thinking}):
            with closing(http_judge(server.url, cache_path=path, overrides=override)) as judge:
                ask(judge, text="<think>a</think><answer>quality=0.3</answer>")
        assert len(server.requests) == 8


def test_what_has_no_score_is_asked_again(tmp_path: Path) -> None:
    with JudgeServer(lambda request: says("well")) as server:
        with closing(http_judge(server.url, cache_path=tmp_path / "s.sqlite")) as judge:
            assert ask(judge) == ask(judge) == (None,)
        assert len(server.requests) == 2


def test_the_same_text_twice_in_flight_is_one_call() -> None:
    def slow(request: Request) -> Any:
        return says("0.3", delay_s=0.1)

    with JudgeServer(slow) as server, closing(http_judge(server.url)) as judge:
        step = judge.open_step()
        scores = step.submit(prompt(), [completion("a"), completion("b"), completion("a")])
        assert scores.result() == (0.3, 0.3, 0.3)
        assert len(server.requests) == 2
        assert values(step.metrics())["judge/cache_hit"] == 1 / 3


def test_a_cache_that_breaks_is_counted_and_the_server_asked(tmp_path: Path) -> None:
    path = tmp_path / "scores.sqlite"
    with JudgeServer() as server, closing(http_judge(server.url, cache_path=path)) as judge:
        ask(judge)
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("DROP TABLE replies")
        step = judge.open_step()
        assert step.submit(prompt(), [completion("quality=0.3")]).result() == (0.3,)
        assert values(step.metrics())["judge/cache_errors"] == 2  # look-up and store
