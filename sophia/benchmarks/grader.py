"""Answers to a benchmark's questions become records: by its rule, or by a model it may ask."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from sophia.benchmarks.asked import ITEM
from sophia.benchmarks.benchmark import Benchmark
from sophia.benchmarks.item import UNPARSED, Graded, Item
from sophia.benchmarks.summary import NO_REPLY, NO_VERDICT
from sophia.chat.question import ChatReply
from sophia.evaluation.grading import Records
from sophia.evaluation.records import EvalRecord
from sophia.rewards.tags import extract_answer
from sophia.types import Prompt, Rollout

if TYPE_CHECKING:
    from sophia.chat.model import ChatModel  # the client of servers, half a second
    from sophia.chat.step import ChatStep


class BenchmarkGrader:
    """Grades by a benchmark's rules; what nobody could read is wrong, and says so.

    Args:
        benchmark: whose rules.
        chat: the served model that reads what the rule could not; None for none.
    """

    def __init__(self, benchmark: Benchmark, *, chat: ChatModel | None) -> None:
        self._benchmark = benchmark
        self._chat = chat if benchmark.asked is not None else None

    def open(self) -> _Grading:
        """Start a pass; a model that is known to be down stops it here."""
        chat = None if self._chat is None else self._chat.open_step()
        return _Grading(self._benchmark, chat)

    def again(
        self, answered: Sequence[tuple[Prompt, Sequence[EvalRecord]]]
    ) -> list[list[EvalRecord]]:
        """Grade answers anew that were given before, such as after a change of the rule.

        ``answered`` are questions, their images open or not, with the records of their answers. A
        question that was not asked stays so.
        """
        grading = self.open()
        pending = [
            [_as_it_is(r) if not r.asked else grading.graded(prompt, r.text, r.sample) for r in own]
            for prompt, own in answered
        ]
        return [[record() for record in own] for own in pending]

    def unasked(self, prompt: Prompt, reason: str) -> EvalRecord:
        """The record of a question that could not be asked: wrong, with the reason."""
        record = _record(prompt, "", 0, UNPARSED, None)
        return replace(record, asked=False, failure=reason, graded_by="nobody")


class _Grading:
    """See ``sophia.evaluation.grading.GradingStep``."""

    def __init__(self, benchmark: Benchmark, chat: ChatStep | None) -> None:
        self._benchmark = benchmark
        self._chat = chat

    def submit(self, rollout: Rollout) -> Records:
        """Grade by rule at once; what it could not read is asked while others are generated."""
        pending = [
            self.graded(rollout.prompt, completion.text, sample)
            for sample, completion in enumerate(rollout.completions)
        ]
        return lambda: tuple(record() for record in pending)

    def graded(self, prompt: Prompt, text: str, sample: int) -> Callable[[], EvalRecord]:
        """The record of one answer, once a model that had to be asked has said what it says."""
        item: Item = prompt.metadata[ITEM]
        answer = extract_answer(text)
        try:
            grade, strict = self._by_rules(item, answer)
        except ValueError as error:  # the row's own cells cannot be used
            record = _record(prompt, text, sample, UNPARSED, None)
            record = replace(record, graded_by="nobody", failure=str(error))
            return lambda: record
        record = _record(prompt, text, sample, grade, strict)
        asked = self._benchmark.asked
        if grade.parsed or answer is None or self._chat is None or asked is None:
            return lambda: record
        replies: list[ChatReply] = []

        def read(reply: ChatReply) -> Graded:
            replies.append(reply)
            return asked.read(item, reply)

        future = self._chat.ask([asked.question(item, answer)], read)
        return lambda: _with_verdict(record, future.result()[0], replied=bool(replies))

    def _by_rules(self, item: Item, answer: str | None) -> tuple[Graded, float | None]:
        """The official grade, and the score by our own rule where there is one."""
        strict = self._benchmark.strict
        if answer is None:
            return UNPARSED, None if strict is None else 0.0
        own = None if strict is None else strict(item, answer).score
        return self._benchmark.rule(item, answer), own


def _as_it_is(record: EvalRecord) -> Callable[[], EvalRecord]:
    return lambda: record


def _with_verdict(record: EvalRecord, verdict: Graded | None, *, replied: bool) -> EvalRecord:
    if verdict is None:
        failure = NO_VERDICT if replied else NO_REPLY
        return replace(record, graded_by="nobody", failure=failure)
    return replace(record, outcome=verdict.score, extracted=verdict.extracted, graded_by="model")


def _record(
    prompt: Prompt, text: str, sample: int, grade: Graded, strict: float | None
) -> EvalRecord:
    item: Item = prompt.metadata[ITEM]
    return EvalRecord(
        uid=prompt.uid,
        problem_type=prompt.problem_type,
        units=prompt.metadata["units"],
        question=prompt.question,
        problem=item.question,
        options=item.options,
        answer=item.answer,
        text=text,
        well_formed=True,
        outcome=grade.score,
        thinking=None,
        sample=sample,
        labels=item.labels,
        extracted=grade.extracted,
        strict_outcome=strict,
    )
