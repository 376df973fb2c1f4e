"""A served model as anyone may use it: here one that finds the answer in a response."""

from __future__ import annotations

import re
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sophia.chat.breaker import Breaker
from sophia.chat.calls import CallSettings
from sophia.chat.failure import ServerDown
from sophia.chat.model import ChatModel
from sophia.chat.prices import Prices
from sophia.chat.question import BoundForm, ChatQuestion, ChatReply, UnusableReplyError
from sophia.metrics import values
from sophia.types import Media, Message
from tests.rewards.judge_builders import image
from tests.rewards.judge_server import Answer, JudgeServer, Request, refuses, says

NAME = "benchmark_judge"


def chat_model(url: str, **overrides: Any) -> ChatModel:
    """A model that is asked once, without a cache."""
    arguments: dict[str, Any] = {
        "model": "extractor", "api_key": "", "cache_path": None,
        "calls": CallSettings(max_attempts=1), "breaker": Breaker(),
        "prices": Prices(prompt=None, completion=None),
    }  # fmt: skip
    return ChatModel(NAME, url=url, **arguments | overrides)


def extraction(response: str, *pictures: Media) -> ChatQuestion:
    """Which option a response names."""
    asked = f"Which option does this name? Say its letter alone.\n{response}"
    return ChatQuestion(messages=(Message(role="user", content=(*pictures, asked)),))


def letter(reply: ChatReply) -> str:
    """The option that a reply names."""
    if not re.fullmatch("[A-D]", reply.text.strip()):
        raise UnusableReplyError("no_letter")
    return reply.text.strip()


def extracts(request: Request) -> Answer:
    """The letter behind "option", else prose; the server breaks at "crash"."""
    if "crash" in request.text:
        return refuses(500, "out of memory")
    found = re.search("option ([A-D])", request.text)
    return says(found[1] if found else "I cannot tell.")


def test_answers_are_extracted_and_what_fails_is_counted() -> None:
    questions = [
        extraction("It must be option B."),
        extraction("As the picture shows: option D.", Media(source=image("red"))),
        extraction("Who knows?"),
        extraction("crash"),
    ]
    with JudgeServer(extracts) as server, closing(chat_model(server.url)) as model:
        step = model.open_step()
        assert step.ask(questions, letter).result() == ("B", "D", None, None)
        metrics = values(step.metrics())
    assert metrics[f"{NAME}/calls"] == 4
    assert metrics[f"{NAME}/fail/no_letter"] == metrics[f"{NAME}/fail/server_error"] == 1
    assert metrics[f"{NAME}/fail_rate"] == metrics[f"{NAME}/parse_fail_rate"] == 0.25
    assert all(name.startswith(f"{NAME}/") for name in metrics)
    by_text = {request.text: request for request in server.requests}
    with_image = next(r for text, r in by_text.items() if "option D" in text)
    text_alone = next(r for text, r in by_text.items() if "option B" in text)
    assert with_image.images[0].startswith("data:image/png;base64,")
    assert isinstance(text_alone.body["messages"][0]["content"], str)  # as every server takes it
    assert all("response_format" not in request.body for request in server.requests)


def test_an_image_that_cannot_be_read_fails_its_own_question_alone() -> None:
    broken = extraction("option A", Media(source=b"no image"))
    with JudgeServer(extracts) as server, closing(chat_model(server.url)) as model:
        step = model.open_step()
        assert step.ask([broken, extraction("option C")], letter).result() == (None, "C")
        assert values(step.metrics())[f"{NAME}/fail/media"] == 1


def test_messages_name_the_model_that_they_are_about(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=rf"the {NAME}'s address is 'nowhere'.*{NAME}\.url"):
        chat_model("nowhere")
    (tmp_path / "notes").write_text("not a database, " * 100)
    model = chat_model("http://127.0.0.1:9", cache_path=tmp_path / "notes")
    with pytest.raises(ValueError, match=rf"the {NAME}'s cache .*{NAME}\.cache_path"):
        model.open_step()
    server = JudgeServer(lambda request: refuses(401, "who are you?"))
    with server, closing(chat_model(server.url)) as model:
        model.open_step().ask([extraction("option A")], letter).result()
        with pytest.raises(ServerDown) as down:
            model.open_step()
    said = str(down.value)
    assert said.startswith(f"The {NAME} at {server.url} (model 'extractor') left 100% of 1 calls")
    assert f"{NAME}.breaker.max_fail_rate" in said
    assert "judge-check" not in said  # which asks the judge of the thinking


def test_whatever_a_reply_depends_on_is_another_question(tmp_path: Path) -> None:
    red, blue = Media(source=image("red")), Media(source=image("blue"))
    calls = CallSettings(max_attempts=1)
    plain = extraction("option A", red)
    bound = BoundForm(messages=plain.messages, response_format={"type": "json_object"})
    cases: list[tuple[ChatQuestion, dict[str, Any]]] = [
        (plain, {}),
        (extraction("option B", red), {}),
        (extraction("option A", blue), {}),
        (extraction("option A", red, red), {}),
        (extraction("option A"), {}),
        (replace(plain, bound=bound), {}),
        (plain, {"model": "another"}),
        (plain, {"calls": replace(calls, max_tokens=65)}),
        (plain, {"calls": replace(calls, temperature=0.5)}),
    ]
    with JudgeServer(extracts) as server:
        for round_ in (1, 2):
            for number, (question, overrides) in enumerate(cases, start=1):
                path = tmp_path / "replies.sqlite"
                arguments = {"calls": calls, "cache_path": path, **overrides}
                with closing(chat_model(server.url, **arguments)) as model:
                    assert model.open_step().ask([question], letter).result()[0] in ("A", "B")
                assert len(server.requests) == (number if round_ == 1 else len(cases))
        assert server.requests[-1].body["temperature"] == 0.5


def test_a_kept_reply_is_read_by_whoever_asks(tmp_path: Path) -> None:
    """What is kept is what was said: another reader needs no other call."""

    def number(reply: ChatReply) -> int:
        return ord(letter(reply)) - ord("A")

    def nothing(reply: ChatReply) -> str:
        raise UnusableReplyError("never")

    path = tmp_path / "replies.sqlite"
    question = extraction("option C")
    with JudgeServer(extracts) as server, closing(chat_model(server.url, cache_path=path)) as model:
        assert model.open_step().ask([question], letter).result() == ("C",)
        step = model.open_step()
        assert step.ask([question], number).result() == (2,)
        assert values(step.metrics())[f"{NAME}/cache_hit"] == 1
        assert len(server.requests) == 1
        assert model.open_step().ask([question], nothing).result() == (None,)
        assert len(server.requests) == 2


def test_a_step_that_is_open_counts_for_the_breaker_once_it_is_answered() -> None:
    """Two steps may be in flight; calls that have not come back are neither good nor bad."""

    def slow(request: Request) -> Answer:
        return replace(refuses(401, "no"), delay_s=0.3 if "slow" in request.text else 0.0)

    breaker = Breaker(window_steps=9)
    with JudgeServer(slow) as server, closing(chat_model(server.url, breaker=breaker)) as model:
        not_asked = model.open_step()
        open_ = model.open_step().ask([extraction("slow")], letter)
        model.open_step()  # nothing has come back
        assert open_.result() == (None,)
        with pytest.raises(ServerDown, match="auth 1"):
            model.open_step()
        assert not_asked.metrics().keys() >= {f"{NAME}/calls"}
