"""What `judge-check` says about a judge that works, and about each way of not working."""

from __future__ import annotations

import re
from contextlib import closing
from typing import Any

import pytest

from sophia.rewards.judge.check import JudgeCheck, check_judge, ping
from tests.rewards.judge_builders import http_judge
from tests.rewards.judge_server import (
    Answer,
    Behaviour,
    JudgeServer,
    Request,
    honest,
    refuses,
    says,
)


def discerning(request: Request) -> Answer:
    """0.9 for the reasoning that looks, 0.1 for the one that guesses."""
    if request.path.endswith("/models"):
        return honest(request)
    return says("0.1" if "I guess" in request.text else "0.9", delay_s=0.05)


def check(behaviour: Behaviour, **overrides: Any) -> JudgeCheck:
    server = JudgeServer(behaviour)
    with server, closing(http_judge(server.url, overrides=overrides)) as judge:
        return check_judge(judge)


def only_chat(answer: Answer) -> Behaviour:
    return lambda request: honest(request) if request.path.endswith("/models") else answer


def test_fit() -> None:
    result = check(discerning)
    assert (result.good.answer, result.bad.answer, result.fit) == (0.9, 0.1, True)
    assert result.good.latency_s >= 0.05
    assert result.served == ("thinking-reward-model",)
    report = result.report()
    assert "0.9 in 0." in report
    assert "fit: it scores both" in report


def test_sends_an_image() -> None:
    with JudgeServer(discerning) as server, closing(http_judge(server.url)) as judge:
        check_judge(judge)
        assert [len(r.images) for r in server.requests if r.method == "POST"] == [1, 1]


def test_no_taste() -> None:
    result = check(honest)
    assert not result.fit
    assert "0.5 against 0.5" in result.diagnosis


@pytest.mark.parametrize(
    ("answer", "diagnosis"),
    [
        (refuses(401, "Unauthorized"), r"auth: .*OPENAI_API_KEY.*Unauthorized"),
        (refuses(404, "The model `x` does not exist."), r"model_not_found: .*REWARD_MODEL"),
        (refuses(404, "Not Found"), r"^not_found: .*http://HOST:PORT/v1"),
        (refuses(400, "image input is not supported"), r"bad_request: .*take images"),
        (refuses(500, "broken"), r"server_error: .*its log"),
        (Answer(body=b"<html></html>"), r"bad_body: .*no chat-completions server"),
        (says("It is quite good."), r"no_number: .*not with one number"),
        (says("1.0", cut=10), r"cut: .*broke off"),
    ],
)
def test_what_is_wrong(answer: Answer, diagnosis: str) -> None:
    result = check(only_chat(answer))
    assert not result.fit
    assert re.search(diagnosis, result.diagnosis)


def test_a_model_that_is_not_listed_is_the_likelier_cause_of_a_404() -> None:
    result = check(only_chat(refuses(404, "Not Found")), model="gpt-9")
    assert result.diagnosis.startswith("model_not_found")
    assert "thinking-reward-model" in result.report()


def test_nobody_there() -> None:
    server = JudgeServer()
    server.start()
    server.stop()
    with closing(http_judge(server.url)) as judge:
        result = check_judge(judge)
    assert result.diagnosis.startswith("connect: Nobody listens there")
    assert result.served == ()
    assert server.url in result.report()


def test_a_ping_costs_one_call_and_says_nothing_of_a_judge_that_is_there() -> None:
    with JudgeServer(honest) as server, closing(http_judge(server.url)) as judge:
        ping(judge)
        assert len([r for r in server.requests if r.method == "POST"]) == 1


def test_a_ping_refuses_a_judge_that_is_not_there() -> None:
    server = JudgeServer(honest)
    server.start()
    server.stop()
    with (
        closing(http_judge(server.url)) as judge,
        pytest.raises(ValueError, match=r"connect: Nobody listens there.*judge=none does without"),
    ):
        ping(judge)


def test_a_ping_lets_a_judge_pass_that_answers_without_a_score(
    caplog: pytest.LogCaptureFixture,
) -> None:
    chatty = only_chat(says("I like it."))
    with JudgeServer(chatty) as server, closing(http_judge(server.url)) as judge:
        ping(judge)
    assert "answered without a score" in caplog.text
