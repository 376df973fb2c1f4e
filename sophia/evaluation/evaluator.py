"""Generates answers to held-out prompts and has them graded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal, Protocol

from tqdm import tqdm

from sophia.evaluation.grading import Grader, Records, RunGrader
from sophia.evaluation.records import EvalRecord
from sophia.protocols import RolloutEngine, ThinkingJudge
from sophia.rewards.format import ResponseFormat
from sophia.rewards.outcome import OutcomeReward
from sophia.rollout.seeds import completion_seed
from sophia.types import EncodedPrompt, GenerationRequest, Prompt, Rollout, SamplingParams

_PROMPTS_AT_A_TIME = 256
_NO_STEP = -2  # seeds of an evaluation are those of no RL step (and not of the warm start's, -1)


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
        grader: makes records of the answers.
        max_new_tokens: length limit of an answer in tokens.
        num_samples: how many answers each prompt gets; several are for pass@k and majority vote.
        temperature: what logits are divided by; 0 decodes greedily, several answers need more.
        sampling_seed: decides, with the prompt and the number of the answer, what is sampled.
    """

    def __init__(
        self,
        *,
        engine: RolloutEngine,
        encoder: Callable[[Prompt], EncodedPrompt],
        grader: Grader,
        max_new_tokens: int,
        num_samples: int = 1,
        temperature: float = 0.0,
        sampling_seed: int = 0,
    ) -> None:
        if num_samples < 1 or temperature < 0.0 or (num_samples > 1 and temperature == 0.0):
            raise ValueError(
                f"evaluation.num_samples is {num_samples} and evaluation.temperature {temperature};"
                " one greedy answer is 1 and 0, several samples need a temperature, usual is 1.0."
            )
        self._engine = engine
        self._encoder = encoder
        self._grader = grader
        self._sampling = SamplingParams(max_new_tokens=max_new_tokens, temperature=temperature)
        self._num_samples = num_samples
        self._sampling_seed = sampling_seed

    def evaluate(self, prompts: Prompts, *, description: str | None) -> list[EvalRecord]:
        """The records of each prompt, in order. Prompts are asked for (and opened) some at a time.

        ``description`` is the label of the progress bar; None shows none.
        """
        hidden = description is None
        with tqdm(total=len(prompts), desc=description, leave=False, disable=hidden) as bar:
            groups = self.groups(prompts, answered=bar.update)
        return [record for group in groups for record in group]

    def groups(self, prompts: Prompts, *, answered: Callable[[], object]) -> list[list[EvalRecord]]:
        """The records of each prompt, in order; ``answered`` is called after each prompt."""
        graded: dict[int, Records] = {}
        grading = self._grader.open()
        with self._engine.awake():
            for place, rollout in self._answers(prompts):
                graded[place] = grading.submit(rollout)
                answered()
        return [list(graded[place]()) for place in sorted(graded)]

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


def run_evaluator(  # noqa: PLR0913  (one argument per key of configs/evaluation, and shared parts)
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
) -> Evaluator:
    """The evaluator that grades by the rules and judge of a run; see Evaluator and RunGrader."""
    grader = RunGrader(outcome=outcome, format=format, judge=judge, extract=extract)
    return Evaluator(
        engine=engine,
        encoder=encoder,
        grader=grader,
        max_new_tokens=max_new_tokens,
        num_samples=num_samples,
        temperature=temperature,
        sampling_seed=sampling_seed,
    )
