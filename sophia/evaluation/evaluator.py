"""Greedy answers to held-out prompts, graded by the rules and the judge of training."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

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

    def evaluate(self, prompts: Sequence[Prompt], *, description: str) -> list[EvalRecord]:
        """One record per prompt, in order."""
        records: dict[str, EvalRecord] = {}
        judge = self._judge.open_step()
        with self._engine.awake(), tqdm(total=len(prompts), desc=description, leave=False) as bar:
            for rollout in self._answers(prompts):
                records[rollout.prompt.uid] = self._record(rollout, judge)
                bar.update()
        return [records[prompt.uid] for prompt in prompts]

    def _answers(self, prompts: Sequence[Prompt]) -> Iterator[Rollout]:
        for start in range(0, len(prompts), _PROMPTS_AT_A_TIME):
            requests = [
                GenerationRequest(prompt=prompt, encoded=self._encoder(prompt), seeds=(0,))
                for prompt in prompts[start : start + _PROMPTS_AT_A_TIME]
            ]
            yield from self._engine.generate(requests, self._sampling)

    def _record(self, rollout: Rollout, judge: JudgeStep) -> EvalRecord:
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
            thinking=judge.submit(prompt, [completion]).result()[0] if well_formed else None,
        )
