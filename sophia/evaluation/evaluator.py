"""Generates answers to held-out prompts and grades them with the rules and judge of training."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from tqdm import tqdm

from sophia.evaluation.records import EvalRecord
from sophia.protocols import JudgeStep, RolloutEngine, ThinkingJudge
from sophia.rewards.format import ResponseFormat
from sophia.rewards.outcome import OutcomeReward
from sophia.rollout.seeds import completion_seed
from sophia.types import (
    Completion,
    EncodedPrompt,
    GenerationRequest,
    Prompt,
    Rollout,
    SamplingParams,
)

_PROMPTS_AT_A_TIME = 256
_NO_STEP = -2  # seeds of an evaluation are those of no RL step (and not of the warm start's, -1)

Thinking = Future[tuple[float | None, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Graded:
    """The records of one prompt, and the judge's answer about the well-formed ones of them."""

    records: tuple[EvalRecord, ...]
    thinking: Thinking | None

    def finished(self) -> list[EvalRecord]:
        """The records with their thinking scores, once the judge has given them."""
        if self.thinking is None:
            return list(self.records)
        scores = iter(self.thinking.result())
        return [replace(r, thinking=next(scores)) if r.well_formed else r for r in self.records]


class Prompts(Protocol):
    """Prompts by index, such as a list of them."""

    def __len__(self) -> int:
        """How many prompts there are."""

    def __getitem__(self, index: int, /) -> Prompt:
        """The prompt at a 0-based index, its images open."""


class Evaluator:
    """Evaluates whatever weights the engine holds.

    Args:
        engine: generates the answers.
        encoder: turns a prompt into tensors.
        outcome: grades the answer; an answer without the format is wrong.
        format: says whether an answer has the format that was asked for.
        judge: scores the thinking of every well-formed answer; None leaves it without a score.
        max_new_tokens: length limit of an answer in tokens.
        num_samples: how many answers each prompt gets; several are for pass@k and majority vote.
        temperature: what logits are divided by; 0 decodes greedily, several answers need more.
        sampling_seed: decides, with the prompt and the number of the answer, what is sampled.
        extract: "lenient" grades every answer a second time, with the lenient reading and without
            asking for the format; it changes nothing of the first grade.
    """

    def __init__(  # noqa: PLR0913  (one argument per key of configs/evaluation, and shared parts)
        self,
        *,
        engine: RolloutEngine,
        encoder: Callable[[Prompt], EncodedPrompt],
        outcome: OutcomeReward,
        format: ResponseFormat,
        judge: ThinkingJudge | None,
        max_new_tokens: int,
        num_samples: int = 1,
        temperature: float = 0.0,
        sampling_seed: int = 0,
        extract: Literal["tagged", "lenient"] = "tagged",
    ) -> None:
        if num_samples < 1 or temperature < 0.0 or (num_samples > 1 and temperature == 0.0):
            raise ValueError(
                f"evaluation.num_samples is {num_samples} and evaluation.temperature {temperature};"
                " one greedy answer is 1 and 0, several samples need a temperature, usual is 1.0."
            )
        self._engine = engine
        self._encoder = encoder
        self._outcome = outcome
        self._lenient = outcome.leniently() if extract == "lenient" else None
        self._format = format
        self._judge = judge
        self._sampling = SamplingParams(max_new_tokens=max_new_tokens, temperature=temperature)
        self._num_samples = num_samples
        self._sampling_seed = sampling_seed

    def evaluate(self, prompts: Prompts, *, description: str | None) -> list[EvalRecord]:
        """The records of each prompt, in order. Prompts are asked for (and opened) some at a time.

        ``description`` is the label of the progress bar; None shows none.
        """
        graded: dict[int, _Graded] = {}
        judge = None if self._judge is None else self._judge.open_step()
        hidden = description is None
        bar = tqdm(total=len(prompts), desc=description, leave=False, disable=hidden)
        with self._engine.awake(), bar:
            for place, rollout in self._answers(prompts):
                graded[place] = self._grade(rollout, judge)
                bar.update()
        return [record for place in sorted(graded) for record in graded[place].finished()]

    def _answers(self, prompts: Prompts) -> Iterator[tuple[int, Rollout]]:
        """As their groups finish, each with the index of its prompt."""
        for start in range(0, len(prompts), _PROMPTS_AT_A_TIME):
            indices = range(start, min(start + _PROMPTS_AT_A_TIME, len(prompts)))
            requests = [self._request(prompts[index]) for index in indices]
            for place, rollout in self._engine.generate(requests, self._sampling):
                yield start + place, rollout

    def _request(self, prompt: Prompt) -> GenerationRequest:
        seeds = tuple(
            completion_seed(self._sampling_seed, _NO_STEP, prompt.uid, index)
            for index in range(self._num_samples)
        )
        return GenerationRequest(prompt=prompt, encoded=self._encoder(prompt), seeds=seeds)

    def _grade(self, rollout: Rollout, judge: JudgeStep | None) -> _Graded:
        """Grade by rule at once; the judge scores while other answers are generated."""
        prompt = rollout.prompt
        records = tuple(self._record(prompt, c, i) for i, c in enumerate(rollout.completions))
        if judge is None:
            return _Graded(records=records, thinking=None)
        pairs = zip(rollout.completions, records, strict=True)
        asked = [completion for completion, record in pairs if record.well_formed]
        return _Graded(records=records, thinking=judge.submit(prompt, asked) if asked else None)

    def _record(self, prompt: Prompt, completion: Completion, sample: int) -> EvalRecord:
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
