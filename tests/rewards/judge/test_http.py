"""The judge in use: overlap, limits, what is sent, what is never logged."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Sequence
from concurrent.futures import CancelledError
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from hydra.utils import instantiate

from sophia.chat.failure import ServerDown
from sophia.chat.prices import Prices
from sophia.metrics import values
from sophia.rewards.judge.http import HTTPJudge
from sophia.rewards.judge.prompts.five_criteria import INSTRUCTIONS, FiveCriteria
from sophia.rewards.judge.prompts.judge_prompt import JudgePrompt, Sees
from sophia.rewards.judge.prompts.release import ReleasePrompt
from sophia.rewards.judge.prompts.short import ShortPrompt
from sophia.types import Completion
from tests.composing import composed
from tests.data.builders import dataset, sophia_row, sophia_source
from tests.rewards.judge_builders import completion, http_judge, image, prompt
from tests.rewards.judge_server import Answer, JudgeServer, Request, honest, refuses, says

KEY = "sk-hunter2-hunter2"


def slow(request: Request) -> Answer:
    return replace(honest(request), delay_s=0.2)


def completions(group: int) -> list[Completion]:
    return [completion(f"{group}.{i} quality=0.{i}") for i in range(8)]


def judge_all(judge: HTTPJudge, groups: Sequence[int]) -> list[tuple[float | None, ...]]:
    step = judge.open_step()
    futures = [step.submit(prompt(uid=str(g)), completions(g)) for g in groups]
    return [future.result() for future in futures]


def test_128_calls_of_200_ms_add_at_most_half_a_second_to_a_step() -> None:
    """The last group comes a second after the first, as rollouts do; one after another: 25.6 s."""
    with JudgeServer(slow) as server, closing(http_judge(server.url)) as judge:
        judge_all(judge, [99])  # connections and caches of the client are warm after step 0
        step, futures = judge.open_step(), []
        for group in range(16):
            futures.append(step.submit(prompt(uid=str(group)), completions(group)))
            time.sleep(1 / 16)
        generated = time.monotonic()
        scores = [future.result() for future in futures]
        added_s = time.monotonic() - generated
    assert scores == [tuple(i / 10 for i in range(8))] * 16
    assert added_s < 0.5


def test_all_at_once_they_run_64_at_a_time() -> None:
    with JudgeServer(slow) as server, closing(http_judge(server.url)) as judge:
        start = time.monotonic()
        judge_all(judge, range(16))
        assert time.monotonic() - start < 5
        assert server.max_in_flight == 64


def test_no_more_at_once_than_allowed() -> None:
    with JudgeServer(slow) as server, closing(http_judge(server.url, max_concurrent=3)) as judge:
        judge_all(judge, [0])
        assert server.max_in_flight == 3


def test_submit_returns_at_once() -> None:
    with JudgeServer(slow) as server, closing(http_judge(server.url)) as judge:
        step = judge.open_step()
        start = time.monotonic()
        future = step.submit(prompt(), completions(0))
        assert time.monotonic() - start < 0.1
        future.result()


def test_building_a_judge_opens_nothing() -> None:
    threads = threading.active_count()
    judge = http_judge("http://127.0.0.1:9")
    assert threading.active_count() == threads
    judge.close()


def test_what_is_sent() -> None:
    with JudgeServer() as server, closing(http_judge(server.url)) as judge:
        pictures = (image("red"), image("blue"))
        judge.open_step().submit(prompt("Count.", images=pictures), [completion("Two.")]).result()
        (request,) = server.requests
    assert request.path == "/v1/chat/completions"
    assert request.headers["authorization"] == "Bearer EMPTY"
    assert request.body["model"] == "thinking-reward-model"
    assert request.body["temperature"] == 0
    assert request.body["messages"][0]["content"] == INSTRUCTIONS
    assert len(set(request.images)) == 2
    assert "Count." in request.text
    assert "Two." in request.text


STYLES: tuple[JudgePrompt, ...] = (FiveCriteria(), ReleasePrompt(), ShortPrompt())


@pytest.mark.parametrize("style", STYLES, ids=lambda style: type(style).__name__)
def test_the_judge_is_asked_the_rows_own_question(style: JudgePrompt) -> None:
    """With its options, but without what the template tells the policy to do."""
    shape = {
        "problem": "Which shape has the most corners?", "options": ["a square", "a star"],
        "solution": "B", "problem_type": "multiple choice", "data_type": "text", "path": None,
    }  # fmt: skip
    template = instantiate(composed("template=paper").template)
    row = dataset(sophia_source([sophia_row(**shape)]), template=template)[0]
    assert "as if you were a human pondering deeply" in row.question
    with JudgeServer() as server:
        with closing(http_judge(server.url, overrides={"prompt": style})) as judge:
            judge.open_step().submit(row, [completion("A star. quality=0.7")]).result()
        (request,) = server.requests
    sent = json.dumps(request.body["messages"])
    assert "Which shape has the most corners?\\nA. a square\\nB. a star\\n" in sent
    assert "A star. quality=0.7" in sent
    assert "pondering" not in sent
    assert "Please provide only the single option letter" not in sent
    assert "You FIRST think" not in sent


def test_a_server_without_a_key_needs_none() -> None:
    with (
        JudgeServer() as server,
        closing(http_judge(server.url, overrides={"api_key": ""})) as judge,
    ):
        assert judge_all(judge, [0]) == [tuple(i / 10 for i in range(8))]


@pytest.mark.parametrize("sees", ["response", "thinking"])
def test_sees(sees: Sees) -> None:
    text = "<think>because</think><answer>4242</answer>"
    with JudgeServer() as server:
        with closing(
            http_judge(server.url, overrides={"prompt": FiveCriteria(sees=sees)})
        ) as judge:
            judge.open_step().submit(prompt(), [completion(text)]).result()
        assert ("4242" in server.requests[0].text) == (sees == "response")


def without_schema(request: Request) -> Answer:
    if "response_format" in request.body:
        return refuses(400, "response_format json_schema is not supported by this server")
    return honest(request)


def test_structured_output_is_given_up_where_the_server_cannot() -> None:
    with JudgeServer(without_schema) as server, closing(http_judge(server.url)) as judge:
        step = judge.open_step()
        assert step.submit(prompt(), completions(0)).result() == tuple(i / 10 for i in range(8))
        metrics = values(step.metrics())
        assert metrics["judge/fail_rate"] == metrics["judge/retries"] == 0
        before = len(server.requests)
        judge_all(judge, [1])
        assert len(server.requests) == before + 8  # it is not tried again
        assert "<answer>" in server.requests[-1].text


def test_structured_output_can_be_insisted_on_or_left_out() -> None:
    with JudgeServer(without_schema) as server:
        with closing(http_judge(server.url, structured="always")) as judge:
            assert judge_all(judge, [0]) == [(None,) * 8]
        with closing(http_judge(server.url, structured="never")) as judge:
            judge_all(judge, [0])
        assert all("response_format" not in r.body for r in server.requests[8:])


def test_other_bad_requests_do_not_switch_it_off() -> None:
    def too_long(request: Request) -> Answer:
        return (
            refuses(400, "the prompt exceeds the context")
            if "0.0" in request.text
            else honest(request)
        )

    with JudgeServer(too_long) as server, closing(http_judge(server.url)) as judge:
        step = judge.open_step()
        assert step.submit(prompt(), completions(0)).result()[:2] == (None, 0.1)
        assert values(step.metrics())["judge/fail/bad_request"] == 1
        assert all("response_format" in r.body for r in server.requests)


def test_tokens_and_cost() -> None:
    overrides = {"prices": Prices(prompt=2.0, completion=10.0)}
    with JudgeServer() as server, closing(http_judge(server.url, overrides=overrides)) as judge:
        step = judge.open_step()
        step.submit(prompt(), completions(0)).result()
        metrics = values(step.metrics())
    assert metrics["judge/tokens"] == 8 * 105
    assert metrics["judge/cost"] == pytest.approx(8 * (100 * 2 + 5 * 10) / 1e6)


def test_no_cost_without_prices() -> None:
    with JudgeServer() as server, closing(http_judge(server.url)) as judge:
        assert "judge/cost" not in values(judge.open_step().metrics())
    with pytest.raises(ValueError, match="both or neither"):
        Prices(prompt=1.0, completion=None)


def test_a_reply_that_was_cut_at_the_length_limit_is_no_score() -> None:
    def cut(request: Request) -> Answer:
        body = json.loads(says("0.8").body)
        body["choices"][0]["finish_reason"] = "length"
        return Answer(body=json.dumps(body).encode(), headers={"Content-Type": "application/json"})

    with JudgeServer(cut) as server, closing(http_judge(server.url)) as judge:
        step = judge.open_step()
        assert step.submit(prompt(), [completion("a")]).result() == (None,)
        assert values(step.metrics())["judge/fail/truncated"] == 1


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b"{}", b'{"choices": []}', b'{"choices": [{}]}', b"\xff", b"[" * 99_999],
)
def test_bodies_that_are_no_completion(body: bytes) -> None:
    server = JudgeServer(lambda request: Answer(body=body))
    with server, closing(http_judge(server.url, max_attempts=1)) as judge:
        step = judge.open_step()
        assert step.submit(prompt(), [completion("a")]).result() == (None,)
        assert values(step.metrics())["judge/fail/bad_body"] == 1


def test_an_image_that_cannot_be_read_leaves_the_group_unscored() -> None:
    with JudgeServer() as server, closing(http_judge(server.url)) as judge:
        step = judge.open_step()
        assert step.submit(prompt(images=(b"no image",)), completions(0)).result() == (None,) * 8
        assert values(step.metrics())["judge/fail/media"] == 8
        assert server.requests == []


def test_closing_cancels_what_is_in_flight() -> None:
    with JudgeServer(lambda request: says("0.5", delay_s=30)) as server:
        judge = http_judge(server.url, timeout_s=60)
        future = judge.open_step().submit(prompt(), completions(0))
        while not server.in_flight:
            time.sleep(0.01)
        judge.close()
        with pytest.raises(CancelledError):
            future.result(timeout=1)


def echoes_the_key(request: Request) -> Answer:
    key = request.headers["authorization"]
    answers = (
        refuses(401, f"bad key {key}"),
        refuses(400, f"bad request with {key}"),
        refuses(500, f"broken by {key}"),
        says(f"no score for {key}"),
        Answer(body=f"<html>{key}</html>".encode()),
    )
    return answers[request.number % len(answers)]


def test_the_key_is_never_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    overrides = {"api_key": KEY}
    with JudgeServer(echoes_the_key) as server:
        with closing(http_judge(server.url, overrides=overrides, max_attempts=1)) as judge:
            step = judge.open_step()
            step.submit(prompt(), completions(0)).result()
            probes = [judge.probe(prompt(), completion("a")) for _ in range(5)]
            told: list[Any] = [judge, step, probes, values(step.metrics()), vars(step)]
        assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert {
        "judge/fail/auth",
        "judge/fail/two_numbers",
        "judge/fail/bad_body",
    } <= values(step.metrics()).keys()
    assert KEY not in caplog.text
    assert KEY not in repr(told)


def test_the_stop_message_does_not_name_the_key() -> None:
    overrides = {"api_key": KEY}
    server = JudgeServer(lambda request: refuses(401, f"wrong key {KEY}"))
    with server, closing(http_judge(server.url, overrides=overrides)) as judge:
        judge_all(judge, [0])
        with pytest.raises(ServerDown, match="auth") as down:
            judge.open_step()
    assert KEY not in str(down.value)
