"""Greedy answers to held-out prompts, graded by the rules and the judge of training."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import replace
from typing import Protocol

from tqdm import tqdm

from sophia.evaluation.records import EvalRecord
from sophia.rewards.format import FormatRule
from sophia.rewards.outcome import OutcomeReward
from sophia.types import (
    EncodedPrompt,
    GenerationRequest,
    JudgeStep,
    Prompt,
    Rollout,
    RolloutEngine,
    SamplingParams,
    ThinkingJudge,
)

_PROMPTS_AT_A_TIME = 256

Thinking = Future[tuple[float | None, ...]]
"""The judge's answer; None stands for a completion that it is not asked about."""


class Prompts(Protocol):
    """Prompts by index; a list is one."""

    def __len__(self) -> int:
        """How many."""

    def __getitem__(self, index: int, /) -> Prompt:
        """One prompt with open images."""


class Evaluator:
    """Evaluates whatever weights the engine holds.

    Args:
        engine: generates.
        encoder: prompt -> tensors.
        outcome: grades the answer; an answer without the format is wrong.
        format: the format that was asked for.
        judge: scores the thinking of every well-formed answer.
        max_new_tokens: length limit.
    """

    def __init__(
        self,
        *,
        engine: RolloutEngine,
        encoder: Callable[[Prompt], EncodedPrompt],
        outcome: OutcomeReward,
        format: FormatRule,
        judge: ThinkingJudge,
        max_new_tokens: int,
    ) -> None:
        self._engine = engine
        self._encoder = encoder
        self._outcome = outcome
        self._format = format
        self._judge = judge
        self._sampling = SamplingParams(max_new_tokens=max_new_tokens, temperature=0.0)

    def evaluate(self, prompts: Prompts, *, description: str) -> list[EvalRecord]:
        """One record per prompt, in order. Prompts are asked for (and opened) some at a time."""
        order: list[str] = []
        answers: list[tuple[EvalRecord, Thinking | None]] = []
        judge = self._judge.open_step()
        with self._engine.awake(), tqdm(total=len(prompts), desc=description, leave=False) as bar:
            for rollout in self._answers(prompts, order):
                thinking = self._ask(rollout, judge)  # judged while others are generated
                answers.append((self._record(rollout), thinking))
                bar.update()
        records = {record.uid: _judged(record, thinking) for record, thinking in answers}
        return [records[uid] for uid in order]

    def _answers(self, prompts: Prompts, order: list[str]) -> Iterator[Rollout]:
        for start in range(0, len(prompts), _PROMPTS_AT_A_TIME):
            indices = range(start, min(start + _PROMPTS_AT_A_TIME, len(prompts)))
            opened = [prompts[index] for index in indices]
            order += [prompt.uid for prompt in opened]
            requests = [
                GenerationRequest(prompt=prompt, encoded=self._encoder(prompt), seeds=(0,))
                for prompt in opened
            ]
            yield from self._engine.generate(requests, self._sampling)

    def _ask(self, rollout: Rollout, judge: JudgeStep) -> Thinking | None:
        if not self._format(rollout.completions[0].text):
            return None
        return judge.submit(rollout.prompt, rollout.completions)

    def _record(self, rollout: Rollout) -> EvalRecord:
        prompt, completion = rollout.prompt, rollout.completions[0]
        well_formed = self._format(completion.text)
        return EvalRecord(
            uid=prompt.uid,
            problem_type=prompt.problem_type,
            units=tuple(prompt.metadata.get("units", (prompt.uid,))),
            question=prompt.question,
            answer=prompt.answer,
            text=completion.text,
            well_formed=well_formed,
            outcome=self._outcome(prompt, completion) if well_formed else 0.0,
            thinking=None,
        )


def _judged(record: EvalRecord, thinking: Thinking | None) -> EvalRecord:
    return record if thinking is None else replace(record, thinking=thinking.result()[0])
