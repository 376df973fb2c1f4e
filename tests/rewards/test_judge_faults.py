"""Every way in which a judge can fail, over real HTTP: what is counted, and what is trained on.

Two groups are judged, each with two right and two wrong answers and thinking scores 0.9, 0.5, 0.2,
0.2. The fault strikes only the first completion of the group called sick (its text says so), or
the whole server. On paper, with a thinking weight of 0.3 and a trust of 1 (0.7 right, 0.2 wrong):

    scored    R = 1.27, 1.15, 0.06, 0.06   mean 0.635   std 0.665758
    unscored  R = 1, 1, 0, 0               mean 0.5     std 0.577350
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from email.utils import formatdate
from typing import Any

import pytest
import torch

from sophia.chat.breaker import Breaker
from sophia.chat.failure import ServerDown
from sophia.metrics import values
from tests.rewards.judge_builders import completion, http_judge, prompt
from tests.rewards.judge_server import (
    Answer,
    Behaviour,
    JudgeServer,
    Request,
    honest,
    refuses,
    says,
)
from tests.rewards.judged_step import Step, composed, step

SCORED = torch.tensor([0.95380, 0.77355, -0.86368, -0.86368])
UNSCORED = torch.tensor([0.86603, 0.86603, -0.86603, -0.86603])


def one_step(behaviour: Behaviour, **limits: Any) -> Step:
    with JudgeServer(behaviour) as server, composed(http_judge(server.url, **limits)) as composer:
        return step(composer)


def strikes(fault: Callable[[int], Answer | None]) -> Behaviour:
    """The fault answers the sick completion's nth request (from 0); None is an honest answer."""
    attempts = Counter[str]()

    def behaviour(request: Request) -> Answer:
        if "sick 0" not in request.text:
            return honest(request)
        attempts["sick"] += 1
        return fault(attempts["sick"] - 1) or honest(request)

    return behaviour


def once(answer: Answer) -> Behaviour:
    return strikes(lambda attempt: answer if attempt == 0 else None)


def always(answer: Answer) -> Behaviour:
    return strikes(lambda attempt: answer)


def close_to(actual: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(actual, expected, atol=1e-5, rtol=1e-4)


def assert_recovered(result: Step) -> None:
    assert result.metrics["judge/retries"] == 1
    assert result.metrics["judge/fail_rate"] == 0
    close_to(result.sick, SCORED)
    close_to(result.healthy, SCORED)


def assert_one_lost(result: Step, reason: str) -> None:
    """One of eight calls has no score: its group trains on outcomes, the other is untouched."""
    assert result.metrics[f"judge/fail/{reason}"] == 1
    assert result.metrics["judge/calls"] == 8
    lost = result.metrics["judge/fail_rate"] + result.metrics["judge/parse_fail_rate"]
    assert lost == 1 / 8
    close_to(result.sick, UNSCORED)
    close_to(result.healthy, SCORED)


def assert_all_lost(result: Step, reason: str) -> None:
    assert result.metrics[f"judge/fail/{reason}"] == 8
    assert result.metrics["judge/fail_rate"] == 1
    close_to(result.sick, UNSCORED)
    close_to(result.healthy, UNSCORED)


def test_without_faults_thinking_counts() -> None:
    result = one_step(honest)
    assert result.metrics["judge/fail_rate"] == result.metrics["judge/retries"] == 0
    close_to(result.sick, SCORED)
    close_to(result.healthy, SCORED)


def test_429_waits_as_long_as_retry_after_says() -> None:
    result = one_step(once(refuses(429, "slow down", {"Retry-After": "0.4"})))
    assert_recovered(result)
    assert result.wall_s >= 0.4


def test_429_with_an_http_date() -> None:
    date = formatdate(time.time() + 2, usegmt=True)  # whole seconds: 1 to 2 s from now
    result = one_step(once(refuses(429, "slow down", {"Retry-After": date})))
    assert_recovered(result)
    assert result.wall_s >= 0.9


def test_429_that_asks_for_more_than_the_deadline_is_given_up_at_once() -> None:
    result = one_step(always(refuses(429, "tomorrow", {"Retry-After": "86400"})))
    assert_one_lost(result, "rate_limited")
    assert result.metrics["judge/retries"] == 0
    assert result.wall_s < 5


@pytest.mark.parametrize("status", [408, 409, 500, 503])
def test_server_error_once(status: int) -> None:
    assert_recovered(one_step(once(refuses(status, "try again"))))


def test_500_for_ever() -> None:
    result = one_step(always(refuses(500, "broken")))
    assert_one_lost(result, "server_error")
    assert result.metrics["judge/retries"] == 2  # three attempts


@pytest.mark.parametrize("at", [0, 40])
def test_cut_in_the_body_once(at: int) -> None:
    assert_recovered(one_step(once(says("0.9", cut=at))))


def test_cut_in_the_body_for_ever() -> None:
    assert_one_lost(one_step(always(says("0.9", cut=40))), "cut")


def test_slow_drip() -> None:
    # Some 300 bytes at one per 50 ms: every read is quick, the reply as a whole is not.
    result = one_step(always(says("0.9", drip_s=0.05)), timeout_s=0.5)
    assert_one_lost(result, "timeout")
    assert result.wall_s < 4


def test_200_with_html() -> None:
    page = Answer(body=b"<html>It works! 1.0</html>", headers={"Content-Type": "text/html"})
    assert_one_lost(one_step(always(page)), "bad_body")


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("NaN", "nan"),
        ('{"score": NaN}', "nan"),
        ("1.5", "out_of_range"),
        ("-0.1", "out_of_range"),
        ("0.9 or 0.8", "two_numbers"),
        ("1. Logical: fine. Score 0.6", "two_numbers"),
        ("<answer>0.9</answer><answer>0.1</answer>", "two_numbers"),
        ("sound reasoning", "no_number"),
        ("Score: 0.9", "prose"),
        ("", "empty"),
    ],
)
def test_reply_without_one_score(reply: str, reason: str) -> None:
    result = one_step(always(says(reply)))
    assert_one_lost(result, reason)
    assert result.metrics["judge/parse_fail_rate"] == 1 / 8
    assert result.metrics["judge/retries"] == 0  # a greedy judge would say the same again


def test_wrong_model_name_is_lost_now_and_stops_the_next_step() -> None:
    def unknown(request: Request) -> Answer:
        return refuses(404, "The model `thinking-reward-model` does not exist.")

    with JudgeServer(unknown) as server, composed(http_judge(server.url)) as composer:
        assert_all_lost(step(composer), "model_not_found")
        with pytest.raises(ServerDown, match=r"does not exist.*judge-check"):
            step(composer)


def test_connection_refused() -> None:
    server = JudgeServer()
    server.start()
    server.stop()
    with composed(http_judge(server.url)) as composer:
        result = step(composer)
    assert_all_lost(result, "connect")
    assert result.metrics["judge/retries"] == 16  # three attempts for each of eight


def test_deadline_bounds_the_step() -> None:
    result = one_step(always(says("0.9", delay_s=5.0)), deadline_s=0.5)
    assert_one_lost(result, "deadline")
    assert result.wall_s < 2


def test_dead_for_long_stops_the_run() -> None:
    breaker = Breaker(window_steps=3, max_fail_rate=0.5)
    with JudgeServer() as server, composed(http_judge(server.url, breaker=breaker)) as composer:
        close_to(step(composer).sick, SCORED)
        server.stop()
        assert_all_lost(step(composer), "connect")  # 8 of 16 calls: the window is not full
        assert_all_lost(step(composer), "connect")  # 16 of 24 calls: over a half
        with pytest.raises(ServerDown) as down:
            step(composer)
        port = server.port
    message = str(down.value)
    for part in (
        f"http://127.0.0.1:{port}/v1",
        "67% of 24 calls",
        "3 step",
        "connect 16",
        "resume",
    ):
        assert part in message


def test_back_again_in_time() -> None:
    breaker = Breaker(window_steps=3, max_fail_rate=0.5)
    with JudgeServer() as server, composed(http_judge(server.url, breaker=breaker)) as composer:
        close_to(step(composer).sick, SCORED)
        server.stop()
        assert_all_lost(step(composer), "connect")
        server.start()
        for _ in range(4):
            result = step(composer)
            assert result.metrics["judge/fail_rate"] == 0
            close_to(result.sick, SCORED)
            close_to(result.healthy, SCORED)


FAULTS = (
    refuses(429, "slow down", {"Retry-After": "0.05"}),
    refuses(500, "broken"),
    refuses(503, "loading"),
    Answer(body=b"<html>1.0</html>", headers={"Content-Type": "text/html"}),
    says("1.0", cut=60),
    says("1.0", cut=0),
    says("NaN"),
    says("1.5"),
    says("1 0"),
    says("I would say one"),
    says(""),
)


def test_storm_brings_no_wrong_reward() -> None:
    """1,000 calls, 30 % of all requests fail in eleven ways: a score is the true one or None."""
    rng = random.Random(0)

    def storm(request: Request) -> Answer:
        answer = rng.choice(FAULTS) if rng.random() < 0.3 else honest(request)
        return replace(answer, delay_s=0.01)

    truths = [[round(rng.random(), 3) for _ in range(8)] for _ in range(125)]
    # A slow machine is no fault.
    limits: dict[str, Any] = {"max_attempts": 6, "timeout_s": 30.0, "deadline_s": 120.0}
    with JudgeServer(storm) as server, closing(http_judge(server.url, **limits)) as judge:
        judging = judge.open_step()
        futures = [
            judging.submit(
                prompt(uid=str(g)),
                [completion(f"{g}.{i} quality={quality}") for i, quality in enumerate(group)],
            )
            for g, group in enumerate(truths)
        ]
        found = [future.result() for future in futures]
    pairs = [
        (s, t) for ss, ts in zip(found, truths, strict=True) for s, t in zip(ss, ts, strict=True)
    ]
    assert [(s, t) for s, t in pairs if s is not None and s != t] == []
    unscored = sum(s is None for s, _ in pairs)
    metrics = values(judging.metrics())
    assert metrics["judge/calls"] == 1000
    lost = metrics["judge/fail_rate"] + metrics["judge/parse_fail_rate"]
    assert lost == pytest.approx(unscored / 1000)
    # Replies without a score are not asked for again: 0.3 * 5 / 11 of the first replies, and more.
    assert 0.1 < metrics["judge/parse_fail_rate"] < 0.25
    assert metrics["judge/fail_rate"] < 0.01
    assert metrics["judge/retries"] > 100
