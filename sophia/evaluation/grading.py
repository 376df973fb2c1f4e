"""How answers become records: at once by rule, or when a served model has said more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal, Protocol

from sophia.evaluation.records import EvalRecord
from sophia.protocols import JudgeStep, ThinkingJudge
from sophia.rewards.format import ResponseFormat
from sophia.rewards.outcome import OutcomeReward
from sophia.types import Completion, Prompt, Rollout

Records = Callable[[], tuple[EvalRecord, ...]]
"""Waits for what is still to be said about the answers to one prompt, and gives their records."""


class GradingStep(Protocol):
    """The grading of one pass over prompts."""

    def submit(self, rollout: Rollout) -> Records:
        """Start grading all answers to one prompt; returns at once."""


class Grader(Protocol):
    """What an evaluation grades answers by."""

    def open(self) -> GradingStep:
        """Start a pass."""


class RunGrader:
    """Grades by the rules and the judge of a run; an answer without its format is wrong.

    Args:
        outcome: grades the answer.
        format: says whether an answer has the format that was asked for.
        judge: scores the thinking of every well-formed answer; None leaves it without a score.
        extract: "lenient" grades every answer a second time, with the lenient reading and without
            asking for the format; it changes nothing of the first grade.
    """

    def __init__(
        self,
        *,
        outcome: OutcomeReward,
        format: ResponseFormat,
        judge: ThinkingJudge | None,
        extract: Literal["tagged", "lenient"],
    ) -> None:
        self._outcome = outcome
        self._lenient = outcome.leniently() if extract == "lenient" else None
        self._format = format
        self._judge = judge

    def open(self) -> _RunGrading:
        """Start a pass; a judge that is known to be down stops it here."""
        return _RunGrading(self, None if self._judge is None else self._judge.open_step())

    def record(self, prompt: Prompt, completion: Completion, sample: int) -> EvalRecord:
        """What the rules alone say of one answer."""
        well_formed = self._format(completion.text)
        return EvalRecord(
            uid=prompt.uid,
            problem_type=prompt.problem_type,
            units=tuple(prompt.metadata.get("units", (prompt.uid,))),
            question=prompt.question,
            problem=prompt.shown_question,
            options=prompt.options,
            answer=prompt.answer,
            text=completion.text,
            well_formed=well_formed,
            outcome=self._outcome(prompt, completion) if well_formed else 0.0,
            thinking=None,
            lenient_outcome=self._lenient(prompt, completion) if self._lenient else None,
            judged=self._judge is not None,
            sample=sample,
        )


class _RunGrading:
    """See GradingStep."""

    def __init__(self, grader: RunGrader, judge: JudgeStep | None) -> None:
        self._grader = grader
        self._judge = judge

    def submit(self, rollout: Rollout) -> Records:
        """Grade by rule at once; the judge scores while other answers are generated."""
        prompt = rollout.prompt
        numbered = enumerate(rollout.completions)
        records = tuple(self._grader.record(prompt, c, sample) for sample, c in numbered)
        pairs = zip(rollout.completions, records, strict=True)
        asked = [completion for completion, record in pairs if record.well_formed]
        if self._judge is None or not asked:
            return lambda: records
        thinking = self._judge.submit(prompt, asked)

        def judged() -> tuple[EvalRecord, ...]:
            scores = iter(thinking.result())
            return tuple(replace(r, thinking=next(scores)) if r.well_formed else r for r in records)

        return judged
