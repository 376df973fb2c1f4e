"""The stages of a step: each there once, and unchanged by being read."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from sophia.metrics import Mean
from sophia.step import Sampled, StepBatch, Trained
from sophia.timing import Span
from sophia.types import Rollout, ScoredGroup
from tests.builders import encoded, prompt, rollout, scored_group

JUDGED = Span(lane="judge", phase="judge", start=1.0, stop=2.0)


class NoScores:
    """The scoring of a step without rollouts."""

    def submit(self, place: int, rollout: Rollout) -> None:
        raise AssertionError("nothing is scored here")

    def collect(self) -> tuple[ScoredGroup, ...]:
        return ()

    def metrics(self) -> dict[str, Mean]:
        return {}

    def spans(self) -> Sequence[Span]:
        return [JUDGED]


def sampled() -> Sampled:
    return Sampled(rollouts=(rollout(),), scores=NoScores(), metrics={"a": Mean.of([1.0])})


def trained() -> Trained:
    return Trained(groups=(scored_group([1.0, 0.0]),), advantages=(1.0, -1.0), metrics={}, row={})


def test_a_stage_is_there_once_it_is_set() -> None:
    batch = StepBatch([prompt()], [encoded()])
    with pytest.raises(AssertionError, match="nothing was sampled: is the rollout callback miss"):
        _ = batch.sampled
    with pytest.raises(AssertionError, match="not trained on yet"):
        _ = batch.trained
    first, last = sampled(), trained()
    batch.sampled, batch.trained = first, last
    assert batch.sampled is first
    assert batch.trained is last


def test_a_stage_is_set_once() -> None:
    batch = StepBatch([prompt()], [encoded()])
    batch.sampled, batch.trained = sampled(), trained()
    with pytest.raises(AssertionError, match="was sampled before"):
        batch.sampled = sampled()
    with pytest.raises(AssertionError, match="was trained on before"):
        batch.trained = trained()


def test_spans_of_trainer_and_scoring() -> None:
    batch = StepBatch([prompt()], [encoded()])
    batch.timeline.add("loader", "images", 0.0)
    assert [span.lane for span in batch.spans()] == ["loader"]
    batch.sampled = sampled()
    assert batch.spans() == [*batch.timeline.spans, JUDGED]
