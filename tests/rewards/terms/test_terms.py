"""Reward terms in a composition: weights, values that come late, and what goes wrong."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from sophia.failures import RunStopped
from sophia.metrics import Metric, Sum, values
from sophia.protocols import RewardTerm, TermStep
from sophia.rewards.composer import RewardComposer
from sophia.rewards.format import FormatRule
from sophia.rewards.metrics import reward_metrics
from sophia.rewards.outcome import OutcomeReward
from sophia.rewards.terms.named import RewardFailed
from sophia.rewards.terms.rule import RuleTerm
from sophia.types import GradedGroup, ScoredGroup, TermValues
from tests.builders import RIGHT, WRONG, prompt, rollout

BROKEN = "<think> 2 + 2 = 4 </think> 5"


@contextmanager
def composer(**overrides: Any) -> Iterator[RewardComposer]:
    settings: dict[str, Any] = {
        "annealing": None, "judge": None, "outcome": OutcomeReward(), "format": FormatRule(),
        "format_mode": "gate", "format_weight": 0.0, "thinking": None, "trust": False, "extra": {},
    }  # fmt: skip
    made = RewardComposer(**{**settings, **overrides})
    yield made
    made.close()


def scored(texts: Sequence[str], extra: Mapping[str, RewardTerm], **overrides: Any) -> ScoredGroup:
    with composer(extra=extra, **overrides) as made:
        step = made.open_step(3)
        step.submit(0, rollout(texts))
        return step.collect()[0]


def totals(group: ScoredGroup) -> list[float | None]:
    return [reward.total for reward in group.rewards]


@dataclass(frozen=True, slots=True, kw_only=True)
class Says(RuleTerm):
    """The same values and weights of every group."""

    said: tuple[Any, ...]
    weight: float = 1.0
    weighing: Any = None

    def values(self, group: GradedGroup) -> Sequence[float | None]:
        return self.said

    def weights(self, group: GradedGroup) -> Sequence[float]:
        inherited = RuleTerm.weights(self, group)
        return inherited if self.weighing is None else self.weighing


@dataclass(frozen=True, slots=True, kw_only=True)
class Consistency(RuleTerm):
    """R1-Reward: accuracy * (1 + 0.5 * consistency) is a term whose weight is 0.5 * accuracy."""

    said: tuple[float | None, ...]
    weight: float = 0.5

    def values(self, group: GradedGroup) -> Sequence[float | None]:
        return self.said

    def weights(self, group: GradedGroup) -> Sequence[float]:
        return [self.weight * (outcome or 0.0) for outcome in group.outcomes]


class Late:
    """Answers in a thread of its own, as a term does that asks a server."""

    def __init__(self, answer: Any, *, after_s: float) -> None:
        self.answer = answer
        self.after_s = after_s
        self.opened: list[int] = []
        self.seen: list[GradedGroup] = []
        self.closed = 0

    def open_step(self, rl_step: int) -> TermStep:
        self.opened.append(rl_step)
        return self

    def submit(self, group: GradedGroup) -> Future[TermValues]:
        self.seen.append(group)
        future: Future[TermValues] = Future()
        threading.Thread(target=self._answer, args=(future,)).start()
        return future

    def _answer(self, future: Future[TermValues]) -> None:
        time.sleep(self.after_s)
        if isinstance(self.answer, Exception):
            future.set_exception(self.answer)
        else:
            future.set_result(self.answer)

    def metrics(self) -> dict[str, Metric]:
        return {"calls": Sum(value=float(len(self.seen)))}

    def close(self) -> None:
        self.closed += 1


def test_each_term_adds_weight_times_value() -> None:
    extra = {"a": Says(said=(1.0, 3.0), weight=0.5), "b": Says(said=(-1, True), weight=0.25)}
    group = scored([RIGHT, WRONG], extra)
    assert totals(group) == [1.25, 1.75]  # 1 + 0.5 - 0.25; 0 + 1.5 + 0.25
    parts = group.rewards[1].parts
    assert [(p.name, p.value, p.weight) for p in parts[2:]] == [("a", 3.0, 0.5), ("b", 1.0, 0.25)]


def test_weights_may_differ_by_completion() -> None:
    group = scored([RIGHT, RIGHT, WRONG], {"consistent": Consistency(said=(1.0, -1.0, 1.0))})
    assert totals(group) == [1.5, 0.5, 0.0]  # 1 * (1 + 0.5), 1 * (1 - 0.5), 0 * (1 + 0.5)
    assert [r.weight("consistent") for r in group.rewards] == [0.5, 0.5, 0.0]


def test_a_completion_that_weighs_nothing_needs_no_value() -> None:
    group = scored([RIGHT, WRONG], {"consistent": Consistency(said=(1.0, None))})
    assert totals(group) == [1.5, 0.0]


def test_a_missing_value_that_would_count_drops_the_term_for_the_group() -> None:
    extra = {"consistent": Consistency(said=(1.0, None, 1.0)), "a": Says(said=(1.0, 1.0, 1.0))}
    group = scored([RIGHT, RIGHT, WRONG], extra)
    assert totals(group) == [2.0, 2.0, 1.0]  # the other term is not touched
    assert [r.weight("consistent") for r in group.rewards] == [0.0, 0.0, 0.0]
    assert group.rewards[0].value("consistent") == 1.0  # known, and logged


def test_behind_the_gate_the_total_stays_zero() -> None:
    extra = {"a": Says(said=(1.0, 1.0))}
    assert totals(scored([RIGHT, BROKEN], extra)) == [2.0, 0.0]
    weighed = scored([RIGHT, BROKEN], extra, format_mode="weight", format_weight=0.5)
    assert totals(weighed) == [2.5, 1.0]


def test_at_weight_zero_a_term_is_only_logged() -> None:
    group = scored([RIGHT, WRONG], {"a": Says(said=(1.0, 0.0), weight=0.0)})
    assert totals(group) == [1.0, 0.0]
    assert values(reward_metrics([group]))["rewards/a/mean"] == 0.5


def test_the_outcome_is_weighed() -> None:
    # Vision-SR1: 0.9 accuracy + 0.1 format + 1.0 perception
    weights = {"outcome_weight": 0.9, "format_mode": "weight", "format_weight": 0.1}
    extra = {"perception": Says(said=(1.0, 0.0, 1.0, 0.0))}
    group = scored([RIGHT, RIGHT, WRONG, BROKEN], extra, **weights)
    assert totals(group) == pytest.approx([2.0, 1.0, 1.1, 0.0])
    assert group.rewards[0].parts[0].weight == 0.9


def test_a_term_sees_how_the_rules_graded_the_group() -> None:
    late = Late(TermValues(values=(0.0, 0.0), weights=(1.0, 1.0)), after_s=0.0)
    scored([RIGHT, BROKEN], {"late": late})
    (group,) = late.seen
    assert [c.text for c in group.rollout.completions] == [RIGHT, BROKEN]
    assert (group.well_formed, group.answered) == ((True, False), (True, False))
    assert group.outcomes == (1.0, 0.0)


def test_a_late_answer_is_waited_for() -> None:
    late = Late(TermValues(values=(1.0, 2.0), weights=(0.5, 0.25)), after_s=0.2)
    with composer(extra={"late": late}) as made:
        step = made.open_step(3)
        started = time.monotonic()
        for place in range(4):
            step.submit(place, rollout([RIGHT, WRONG], prompt=prompt(uid=f"p{place}")))
        groups = step.collect()
        waited = time.monotonic() - started
        assert [totals(group) for group in groups] == [[1.5, 0.5]] * 4
        assert values(step.metrics())["rewards/late/calls"] == 4
    assert 0.2 <= waited < 0.7  # all groups at a time
    assert (late.opened, late.closed) == ([3], 1)


def failure(extra: Mapping[str, RewardTerm]) -> str:
    with pytest.raises(RewardFailed) as failed:
        scored([RIGHT, WRONG], extra)
    return str(failed.value)


HERE = "tests.rewards.terms.test_terms"


def test_what_a_term_raises_is_said_by_its_name() -> None:
    late = Late(KeyError("answer"), after_s=0.05)
    assert failure({"asker": late}) == (
        f"the reward 'asker' ({HERE}.Late) failed on the prompt 'p0': KeyError: 'answer'."
    )
    early = Says(said=(1.0, 1.0), weighing=ZeroDivisionError)  # not even a list
    assert failure({"a": early}).startswith(f"the reward 'a' ({HERE}.Says) failed on the prompt")


def test_what_raises_in_the_file_of_a_term_is_said_with_its_line() -> None:
    class Broken(RuleTerm):
        weight = 1.0

        def values(self, group: GradedGroup) -> Sequence[float | None]:
            raise LookupError("no such row")

    said = failure({"broken": Broken()})
    assert (
        "Broken) failed on the prompt 'p0': LookupError: no such row (test_terms.py, line" in said
    )


def test_a_term_may_stop_the_run_in_its_own_words() -> None:
    with pytest.raises(RunStopped, match=r"^the server is gone$"):
        scored([RIGHT, WRONG], {"late": Late(RunStopped("the server is gone"), after_s=0.05)})


def test_a_step_that_cannot_begin_is_said_by_its_name() -> None:
    class NoServer(Late):
        def open_step(self, rl_step: int) -> TermStep:
            raise OSError("nobody listens")

    said = failure({"late": NoServer(None, after_s=0.0)})
    assert "NoServer) failed at RL step 3: OSError: nobody listens (test_terms.py, line" in said


@pytest.mark.parametrize(
    ("term", "said"),
    [
        (Says(said=(1.0,)), "it returned 1 values for 2 completions."),
        (Says(said=(1.0, float("nan"))), "it returned float 'nan', expected a finite number, or"),
        (Says(said=(1.0, "2")), "it returned str '2', expected a finite number, or None"),
        (Says(said=(1.0, 2.0), weight=float("inf")), "it returned float 'inf', expected a finite"),
        (Says(said=(1.0, 2.0), weighing=[1.0]), "it returned 1 weights for 2 completions."),
        (Says(said=(1.0, 2.0), weighing=[1.0, None]), "it returned None as a weight; a weight is"),
        (Late(TermValues(values=(1.0,), weights=(1.0,)), after_s=0.0), "1 values for 2 completion"),
        (Late((1.0, 2.0), after_s=0.0), "it returned tuple '(1.0, 2.0)', expected TermValues in a"),
    ],
)
def test_an_answer_that_is_none_is_one_sentence(term: RewardTerm, said: str) -> None:
    assert said in failure({"mine": term})


@pytest.mark.parametrize("name", ["outcome", "format", "thinking"])
def test_the_names_of_built_in_parts_are_taken(name: str) -> None:
    with pytest.raises(ValueError, match=rf"reward\.extra\.{name} has the name of a part that"):
        scored([RIGHT], {name: Says(said=(1.0,))})


def test_what_is_no_term_is_refused_before_the_run() -> None:
    with pytest.raises(ValueError, match=r"reward\.extra\.f is a function, which is no reward"):
        scored([RIGHT], {"f": failure})  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("figures", "said"),
    [
        ({"mean": Sum(value=1.0)}, "its metric 'mean' has the name of what is logged of every"),
        ({"calls": 3.0}, "its metric 'calls' is float '3.0', expected a Mean, Sum, Max, Min or"),
    ],
)
def test_figures_that_are_none_are_one_sentence(figures: dict[str, Any], said: str) -> None:
    class Counts(Late):
        def metrics(self) -> dict[str, Metric]:
            return figures

    term = Counts(TermValues(values=(1.0,), weights=(1.0,)), after_s=0.0)
    with composer(extra={"counts": term}) as made:
        step = made.open_step(3)
        step.submit(0, rollout([RIGHT]))
        step.collect()
        with pytest.raises(RewardFailed, match=r"'counts' .* when its metrics were asked for") as e:
            step.metrics()
    assert said in str(e.value)


def test_a_term_that_cannot_close_leaves_no_other_open() -> None:
    class Stuck(Late):
        def close(self) -> None:
            super().close()
            raise OSError("nobody listens")

    terms = [Stuck(None, after_s=0.0), Late(None, after_s=0.0), Stuck(None, after_s=0.0)]
    with (
        pytest.raises(OSError, match="nobody listens"),
        composer(extra={str(i): term for i, term in enumerate(terms)}),
    ):
        pass
    assert [term.closed for term in terms] == [1, 1, 1]
