"""One RL step as the values that its stages hand on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sophia.metrics import Metrics
from sophia.protocols import StepScores
from sophia.timing import Span, Timeline
from sophia.types import EncodedPrompt, Prompt, Rollout, ScoredGroup


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sampled:
    """The rollouts of a step, with their scoring under way; made by the rollout callback."""

    rollouts: tuple[Rollout, ...]
    """In the order of the prompts."""
    scores: StepScores
    """``collect`` waits for the groups, which come in the order of the rollouts."""
    metrics: Metrics
    """Of the engine and of the weight sync."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trained:
    """What the policy was trained on; made by the training step."""

    groups: tuple[ScoredGroup, ...]
    """In the order of the rollouts."""
    advantages: tuple[float, ...]
    """Those of the loss, one for each completion of all groups in their order."""
    metrics: Metrics
    """The whole step's, of this rank."""
    row: Mapping[str, float]
    """Those of all ranks, as they were logged."""


class StepBatch:
    """The prompts of one RL step on this rank, and its stages, each set once when it is over.

    Lightning hands the same object to ``on_train_batch_start``, ``training_step`` and
    ``on_train_batch_end``. A plain class: Lightning refuses to walk through frozen dataclasses
    inside a batch.
    """

    def __init__(self, prompts: Sequence[Prompt], encoded: Sequence[EncodedPrompt]) -> None:
        self.prompts = tuple(prompts)
        self.encoded = tuple(encoded)
        self.timeline = Timeline()
        self._sampled: Sampled | None = None
        self._trained: Trained | None = None

    @property
    def sampled(self) -> Sampled:
        """The rollouts; set by the rollout callback."""
        assert self._sampled is not None, "nothing was sampled: is the rollout callback missing?"
        return self._sampled

    @sampled.setter
    def sampled(self, stage: Sampled) -> None:
        assert self._sampled is None, "the step was sampled before"
        self._sampled = stage

    @property
    def trained(self) -> Trained:
        """The scored groups and their advantages; set by the training step."""
        assert self._trained is not None, "the step was not trained on yet"
        return self._trained

    @trained.setter
    def trained(self, stage: Trained) -> None:
        assert self._trained is None, "the step was trained on before"
        self._trained = stage

    def spans(self) -> list[Span]:
        """When everything of this step ran, as far as it has ended."""
        scoring = () if self._sampled is None else self._sampled.scores.spans()
        return [*self.timeline.spans, *scoring]
