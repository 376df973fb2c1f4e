"""The protocols between the parts of the system."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

from sophia.metrics import Metrics
from sophia.timing import Span
from sophia.types import (
    Completion,
    GenerationRequest,
    GradedGroup,
    Prompt,
    Rollout,
    SamplingParams,
    ScoredGroup,
    TermValues,
    WeightSample,
)

if TYPE_CHECKING:
    from torch import Tensor, dtype


class Clock(Protocol):
    """What counts RL steps, as the callbacks know the module that is trained."""

    rl_step: int
    """How many are done; during a step, its number counted from 0."""


class StepScores(Protocol):
    """The scoring of one step in flight (see RewardComposer.open_step)."""

    def submit(self, place: int, rollout: Rollout) -> None:
        """Start scoring the rollout of the step's prompt at ``place``; returns at once."""

    def collect(self) -> tuple[ScoredGroup, ...]:
        """Wait for the scores of all submitted rollouts; groups come in the order of places."""

    def metrics(self) -> Metrics:
        """Figures of this step's scoring (latency, failures); complete after ``collect``."""

    def spans(self) -> Sequence[Span]:
        """When the rules and the judge worked, group by group."""


class RolloutEngine(Protocol):
    """Draws completions; holds weights of its own that ``load_weights`` replaces."""

    def load_weights(self, weights: Iterable[tuple[str, Tensor]]) -> int:
        """Replace weights, given by Hugging Face name; returns how many tensors were taken."""

    @property
    def weights_version(self) -> int:
        """How many times ``load_weights`` has replaced weights: 0 at first."""

    @property
    def dtype(self) -> dtype:
        """The type that it keeps weights in."""

    def read_weights(self, samples: Sequence[WeightSample]) -> list[Tensor]:
        """The (rows, columns) of each sample, as the engine computes with them."""

    def generate(
        self, requests: Sequence[GenerationRequest], sampling: SamplingParams
    ) -> Iterator[tuple[int, Rollout]]:
        """Submit all requests, then yield rollouts as their groups finish.

        Each comes with its place: the index of its request.
        """

    def metrics(self) -> Metrics:
        """``engine/*`` figures of the last rollout; complete once it is over."""

    def awake(self) -> AbstractContextManager[None]:
        """Hold the device memory that generating needs, only inside the context."""


class ThinkingJudge(Protocol):
    """Scores the reasoning of completions, each in [0, 1], or None where it could not."""

    def open_step(self) -> JudgeStep:
        """Start the judging of one step; raises RunStopped when the judge is down for good."""

    def close(self) -> None:
        """Release connections and stores."""


class JudgeStep(Protocol):
    """The judge calls of one step."""

    def submit(
        self, prompt: Prompt, completions: Sequence[Completion]
    ) -> Future[tuple[float | None, ...]]:
        """Start judging completions of one prompt; returns at once.

        The future holds one score in [0, 1] per completion, None where the judge failed.
        """

    def metrics(self) -> Metrics:
        """``judge/*`` figures of this step, complete once its futures are done."""


class RewardTerm(Protocol):
    """A reward beside outcome, format and thinking, which may look at a whole group and wait."""

    def open_step(self, rl_step: int) -> TermStep:
        """Start the scoring of one RL step; raises RunStopped when it is down for good.

        Several steps may be open at a time, and step 0 is opened twice: a made-up group is scored
        before the first evaluation.
        """

    def close(self) -> None:
        """Release what it holds; called once, at the end of the run."""


class TermStep(Protocol):
    """The scoring of one step by one term."""

    def submit(self, group: GradedGroup) -> Future[TermValues]:
        """Start scoring a group; called in a thread, for several groups at a time.

        The future may be answered later; every process waits for its own before the update.
        """

    def metrics(self) -> Metrics:
        """Figures of this step, complete once its futures are done.

        They are logged as ``rewards/NAME/...``, by the term's name.
        """
