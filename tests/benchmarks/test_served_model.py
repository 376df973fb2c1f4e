"""A served model reads what a rule could not: over real HTTP, through failures and restarts."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from sophia.benchmarks import answering
from sophia.benchmarks.answering import Answers, Share, answer_resumably
from sophia.benchmarks.grader import BenchmarkGrader
from sophia.benchmarks.item import UNPARSED, Graded, Item
from sophia.benchmarks.results import Column, Result
from sophia.benchmarks.rules.asked import Extraction
from sophia.benchmarks.summary import NO_REPLY, NO_VERDICT, Counts, counts
from sophia.chat.breaker import Breaker
from sophia.chat.calls import CallSettings
from sophia.chat.failure import ServerDown
from sophia.chat.model import ChatModel
from sophia.data.encode import PromptEncoder
from tests.benchmarks.fixtures.published import FIXTURES
from tests.benchmarks.listed import LastDigit, items, sums
from tests.benchmarks.test_answering import Policy, prompts
from tests.benchmarks.whole.case import UNCLOSED, thought
from tests.benchmarks.whole.scripted import Whole, whole
from tests.chat.test_model import chat_model
from tests.rewards.judge_server import Answer, JudgeServer, Request, refuses, says


def on(name: str, root: Path) -> Whole:
    FIXTURES[name][0](root)
    return whole(name, root)


def response_in(request: Request) -> str:
    found = re.search(r"\[Response\]\n(.*)\n\[end of response\]", request.text, re.DOTALL)
    assert found is not None
    return found[1]


def replying(replies: dict[str, str]) -> Callable[[Request], Answer]:
    """Says what is given for a response."""
    return lambda request: says(replies[response_in(request)])


def test_mathvista_is_extracted_and_graded_by_its_rule(tmp_path: Path) -> None:
    """Golds 5, 1.2, y (which is B), and a list."""
    own = on("mathvista", tmp_path)
    answers = [thought("There are five bars."), "about 1.3 m", thought("the lower one"), UNCLOSED]
    model = replying(
        {"There are five bars.": "5", "about 1.3 m": "1.3", "the lower one": "<think></think>B."}
    )
    with JudgeServer(model) as server, closing(chat_model(server.url)) as chat:
        records = own.records(answers, chat=chat)
    assert [r.outcome for r in records] == [1.0, 0.0, 1.0, 0.0]
    assert [r.extracted for r in records] == ["5", "1.3", "B", None]
    assert [r.graded_by for r in records] == ["model", "model", "model", "rule"]
    assert own.figures(records)["overall"] == 100 * 2 / 4
    assert counts(records) == Counts(answers=4, unparsed=1, failed=0, asked=3, unanswered=0)
    assert len(server.requests) == 3  # nobody is asked where there is no answer
    by_response = {response_in(request): request.text for request in server.requests}
    assert "A. x\nB. y" in by_response["the lower one"]
    assert "Hmm" not in str(by_response)  # the thinking is not shown
    assert "1.2" not in by_response["about 1.3 m"]  # nor the gold answer


def test_mathverse_is_decided_by_a_verdict(tmp_path: Path) -> None:
    """Golds A and 12 cm; what is equal to the letter needs nobody."""
    own = on("mathverse_text_lite", tmp_path)
    with (
        JudgeServer(replying({"0.12 m": "SAME", "(B)": "different."})) as server,
        closing(chat_model(server.url)) as chat,
    ):
        same, other = (own.records(a, chat=chat) for a in (["A", "0.12 m"], ["(B)", "12 cm"]))
    assert [(r.outcome, r.extracted, r.graded_by) for r in same] == [
        (1.0, "A", "rule"), (1.0, "same", "model"),
    ]  # fmt: skip
    assert [(r.outcome, r.graded_by) for r in other] == [(0.0, "model"), (1.0, "rule")]
    assert "[Reference answer]\n12 cm\n" in server.requests[0].text
    assert len(server.requests) == 2


def test_a_choice_that_the_rule_could_not_read(tmp_path: Path) -> None:
    """Golds B, C, A, D; NONE leaves an answer unparsed."""
    own = on("mmstar", tmp_path)
    replies = {"That with the pages": "B", "as many as legs on a stool": "C", "?": "NONE"}
    with JudgeServer(replying(replies)) as server, closing(chat_model(server.url)) as chat:
        records = own.records([*map(thought, replies), "D"], chat=chat)
    assert [r.outcome for r in records] == [1.0, 1.0, 0.0, 1.0]
    assert counts(records) == Counts(answers=4, unparsed=1, failed=0, asked=3, unanswered=0)
    assert own.figures(records)["strict"] == 100 * 1 / 4  # nobody is asked about ours


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (refuses(500, "out of memory"), NO_REPLY),
        (says("It is hard to tell, since the response names both of them."), NO_VERDICT),
        (says(""), NO_VERDICT),
        (Answer(body=b"<html>", headers={"Content-Type": "text/html"}), NO_REPLY),
        (says("B", cut=5), NO_REPLY),
    ],
    ids=["500", "prose", "empty", "no JSON", "cut"],
)
def test_a_failure_is_wrong_and_counted(answer: Answer, failure: str, tmp_path: Path) -> None:
    own = on("mmstar", tmp_path)
    with JudgeServer(lambda _: answer) as server, closing(chat_model(server.url)) as chat:
        records = own.records(["B", "who knows", "A", "D"], chat=chat)
    assert [r.outcome for r in records] == [1.0, 0.0, 1.0, 1.0]
    assert (records[1].graded_by, records[1].failure) == ("nobody", failure)
    assert counts(records) == Counts(answers=4, unparsed=0, failed=0, asked=1, unanswered=1)


def test_a_server_that_is_gone_is_counted_too(tmp_path: Path) -> None:
    own = on("mmstar", tmp_path)
    with closing(chat_model("http://127.0.0.1:9/v1")) as chat:
        records = own.records(["B", "who knows", "A", "D"], chat=chat)
    assert (records[1].outcome, records[1].failure) == (0.0, NO_REPLY)


@pytest.mark.parametrize("name", ["mathvista", "mathverse", "mathvision", "mmstar"])
def test_the_title_says_where_a_number_lacks_its_judge(name: str, tmp_path: Path) -> None:
    own = on(name, tmp_path).benchmark
    column = Column(label="a", ckpt="a", benchmark=own, records=[], blind=None, seconds=0.0)
    alone, judged = (
        Result(
            name=name, benchmark=own, file="", is_official=None, limited=False, judged=is_judged,
            columns=[column],
        ).title
        for is_judged in (False, True)
    )  # fmt: skip
    assert judged == own.title
    assert alone == (own.title if name == "mmstar" else f"{own.title} (rule)")


def test_a_kept_reply_is_not_asked_for_again(tmp_path: Path) -> None:
    own = on("mmstar", tmp_path)
    answers = ["B", "that with the pages", "that with the pages", "D"]
    found = []
    with JudgeServer(replying({"that with the pages": "C"})) as server:
        for _ in range(2):
            with closing(chat_model(server.url, cache_path=tmp_path / "replies.sqlite")) as chat:
                found.append(own.records(answers, chat=chat))
        assert len(server.requests) == 2  # the questions differ, the response does not
    assert found[0] == found[1]
    assert [r.outcome for r in found[0]] == [1.0, 1.0, 0.0, 1.0]


class Unread:
    """A rule that can read nothing."""

    def __call__(self, item: Item, answer: str) -> Graded:
        return UNPARSED


class Asks(Policy):
    """A policy whose every answer is read by a served model."""

    def __init__(self, folder: Path, encoder: PromptEncoder, chat: ChatModel) -> None:
        super().__init__(folder, encoder)
        self.grader = BenchmarkGrader(
            sums(rule=Unread(), asked=Extraction(rule=LastDigit())), chat=chat
        )


def test_a_dead_server_ends_the_call_and_the_same_call_goes_on(
    tiny_folder: Path, encoder: PromptEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pieces of two: two are judged, two are not, and before the fifth the call ends."""
    monkeypatch.setattr(answering, "_PROMPTS_AT_A_TIME", 2)
    asked, path = prompts(encoder, items(12)), tmp_path / "sums.jsonl"
    with JudgeServer() as server:

        def ask() -> tuple[Asks, Answers]:
            calls, breaker = CallSettings(max_attempts=1), Breaker(window_steps=2)
            with closing(chat_model(server.url, calls=calls, breaker=breaker)) as chat:
                policy = Asks(tiny_folder, encoder, chat)
                return policy, answer_resumably(
                    policy,
                    policy.grader,
                    asked,
                    range(12),
                    path,
                    rules="",
                    share=Share(),
                    description="",
                )

        server.behaviour = lambda r: says("7") if r.number < 4 else refuses(500, "out of memory")
        with pytest.raises(ServerDown, match=r"^The benchmark_judge at .* left 100% of 4 calls"):
            ask()
        lines = path.read_text().splitlines()
        assert [NO_REPLY in line for line in lines] == [False] * 4 + [True] * 4
        assert len(server.requests) == 8

        server.behaviour = lambda request: says("7")
        policy, found = ask()
        assert len(server.requests) == 8 + 4 + 4  # those without a reply, and the rest
        assert [r.uid for r in found.records] == [f"sums/{n}" for n in range(12)]
        assert {(r.extracted, r.graded_by, r.failure) for r in found.records} == {
            ("7", "model", "")
        }
        assert path.read_text().splitlines()[:8] == lines
        assert policy.made == 1

        policy, again = ask()
        assert (policy.made, again.records, len(server.requests)) == (0, found.records, 16)
