"""Scores rollouts by rules and a judge, and puts the parts together by ``total_reward``."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

from sophia.failures import together
from sophia.metrics import Mean, Metric
from sophia.protocols import JudgeStep, ThinkingJudge
from sophia.rewards.checkers.verdict import Verdict
from sophia.rewards.custom import CustomReward
from sophia.rewards.format import FormatRule
from sophia.rewards.metrics import outcome_metrics
from sophia.rewards.outcome import OutcomeReward
from sophia.rewards.thinking import ThinkingRule, ThinkingTerm, applied_term
from sophia.rewards.total import total_reward
from sophia.schedules import Schedule
from sophia.timing import Span, Timeline
from sophia.types import Reward, RewardPart, Rollout, ScoredGroup

_NUM_THREADS = 8


class RewardComposer:
    """Scores rollouts while others are still being generated.

    Args:
        annealing: what the thinking reward weighs at an RL step; alpha * exp(-step / T) in the
            paper (arXiv:2505.17018, eq. 5); None where there is no thinking reward.
        judge: scores the thinking; not asked when ``thinking`` is None, and needed otherwise.
        outcome: grades the answer; its weight in the total is 1.
        format: says whether a response has the format that was asked for.
        format_mode: ``gate``: a response without the format gets a total of 0, is not judged and
            takes no side in the trust weight. ``weight``: the format is a part like any other.
        format_weight: what the format weighs in the total in the mode ``weight``.
        thinking: which completions are judged and when that counts; None for no thinking reward.
        trust: whether gamma (eq. 3) is applied; otherwise it is 1.
        extra: a user's own rewards by name.
    """

    def __init__(  # noqa: PLR0913  (one argument per node of configs/reward)
        self,
        *,
        annealing: Schedule | None,
        judge: ThinkingJudge | None,
        outcome: OutcomeReward,
        format: FormatRule,
        format_mode: Literal["gate", "weight"],
        format_weight: float,
        thinking: ThinkingRule | None,
        trust: bool,
        extra: Mapping[str, CustomReward],
    ) -> None:
        if thinking is not None and (judge is None or annealing is None):
            raise ValueError(
                "reward.thinking needs a judge and an annealing: choose judge=http and"
                " annealing=exponential, or reward=outcome, which has no thinking reward."
            )
        self._annealing = annealing
        self._judge = judge
        self._outcome = outcome
        self._format = format
        self._gate = format_mode == "gate"
        self._format_weight = 0.0 if self._gate else format_weight
        self._thinking = thinking
        self._trust = trust
        self.extra = dict(extra)
        self._threads = ThreadPoolExecutor(_NUM_THREADS, thread_name_prefix="rewards")

    def open_step(self, rl_step: int) -> CompositionStep:
        """Start the scoring of one RL step; raises RunStopped when the judge is down for good."""
        if self._thinking is None or self._judge is None or self._annealing is None:
            return CompositionStep(self, judge=None, thinking_weight=0.0)
        weight = self._annealing(rl_step)
        return CompositionStep(self, judge=self._judge.open_step(), thinking_weight=weight)

    def close(self) -> None:
        """Stop the threads. The judge belongs to whoever made it."""
        self._threads.shutdown(cancel_futures=True)

    def start(self, rollout: Rollout, judge: JudgeStep | None) -> Future[GradedGroup]:
        """Grade a rollout by rule in a thread, and there send the judge what it shall see."""
        return self._threads.submit(self._grade, rollout, judge)

    def _grade(self, rollout: Rollout, judge: JudgeStep | None) -> GradedGroup:
        prompt, completions = rollout.prompt, rollout.completions
        well_formed = tuple(self._format(c.text) for c in completions)
        answered = well_formed if self._gate else (True,) * len(completions)
        verdicts = tuple(
            self._outcome.verdict(prompt, c) if ok else None
            for c, ok in zip(completions, answered, strict=True)
        )
        outcomes = tuple(0.0 if v is None else v.score for v in verdicts)
        extra = {
            name: reward.values(prompt, completions, name=name)
            for name, reward in self.extra.items()
        }
        asked, pending = (False,) * len(completions), None
        if self._thinking is not None and judge is not None:
            asked = self._thinking.to_judge(outcomes, answered)
            seen = [c for c, ask in zip(completions, asked, strict=True) if ask]
            pending = judge.submit(prompt, seen) if seen else None
        return GradedGroup(
            rollout=rollout, well_formed=well_formed, answered=answered, verdicts=verdicts,
            outcomes=outcomes, extra=extra, asked=asked, pending=pending,
        )  # fmt: skip

    def finish(self, graded: GradedGroup, thinking_weight: float) -> ScoredGroup:
        """Wait for the judge's scores of one group and add up the parts."""
        term = self._term(graded)
        weight = term.weight_of(thinking_weight)
        rewards = tuple(
            self._reward(graded, term, weight, index) for index in range(len(graded.outcomes))
        )
        return ScoredGroup(
            rollout=graded.rollout, rewards=rewards, trust=term.trust,
            thinking_counted=term.counted,
        )  # fmt: skip

    def _reward(self, graded: GradedGroup, term: ThinkingTerm, weight: float, index: int) -> Reward:
        """The reward of one completion; ``weight`` is that of its thinking, before trust."""
        outcome, thinking = graded.outcomes[index], term.values[index]
        form = RewardPart(
            name="format", value=float(graded.well_formed[index]), weight=self._format_weight
        )
        extra = [self._extra_part(name, graded, index) for name in graded.extra]
        gated = not graded.answered[index]
        total = total_reward(
            outcome=outcome, gamma=term.trust, weight=weight, thinking=thinking,
            others=[form, *extra], gated=gated,
        )  # fmt: skip
        parts = [RewardPart(name="outcome", value=outcome, weight=1.0), form]
        if self._thinking is not None:
            parts.append(RewardPart(name="thinking", value=thinking, weight=term.trust * weight))
        return Reward(parts=(*parts, *extra), total=total, gated=gated)

    def _extra_part(self, name: str, graded: GradedGroup, index: int) -> RewardPart:
        """A user's own term, which is dropped for the whole group when one value is missing."""
        values = graded.extra[name]
        complete = all(value is not None for value in values)
        weight = self.extra[name].weight if complete else 0.0
        return RewardPart(name=name, value=values[index], weight=weight)

    def _term(self, graded: GradedGroup) -> ThinkingTerm:
        found = iter(graded.pending.result() if graded.pending is not None else ())
        scores = tuple(next(found) if ask else None for ask in graded.asked)
        return applied_term(
            self._thinking, outcomes=graded.outcomes, asked=graded.asked, scores=scores,
            trust=self._trust,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class GradedGroup:
    """A rollout graded by rule, with the judge's answer still under way; one entry a completion."""

    rollout: Rollout
    well_formed: tuple[bool, ...]
    """Whether it has the format."""
    answered: tuple[bool, ...]
    """Whether it passed the format gate; True without one."""
    verdicts: tuple[Verdict | None, ...]
    """Of the outcome rule; None for a completion behind the format gate, which is not graded."""
    outcomes: tuple[float | None, ...]
    """In [0, 1], 0 behind the gate; None where the outcome could not be scored."""
    extra: Mapping[str, tuple[float | None, ...]]
    """Values of a user's own rewards, by their names."""
    asked: tuple[bool, ...]
    """Whether the judge is asked about it."""
    pending: Future[tuple[float | None, ...]] | None
    """The judge's scores of those that it is asked about; None when it is asked about none."""


class CompositionStep:
    """The scoring of one step: ``submit`` as rollouts finish, ``collect`` when they are needed."""

    def __init__(
        self, composer: RewardComposer, *, judge: JudgeStep | None, thinking_weight: float
    ) -> None:
        self._composer = composer
        self._judge = judge
        self._thinking_weight = thinking_weight
        self._graded: dict[int, Future[GradedGroup]] = {}  # by place
        self._timeline = Timeline()

    def submit(self, place: int, rollout: Rollout) -> None:
        """Start scoring the rollout of the step's prompt at ``place``; returns at once."""
        assert place not in self._graded, f"there are two rollouts for the prompt at {place}"
        start = time.time()
        graded = self._composer.start(rollout, self._judge)
        graded.add_done_callback(lambda done: self._watch(done, start))
        self._graded[place] = graded

    def _watch(self, graded: Future[GradedGroup], start: float) -> None:
        """Note when the rules were done, and when the judge will be."""
        self._timeline.add("rules", "rules", start)
        if graded.cancelled() or graded.exception() is not None:
            return
        pending, asked = graded.result().pending, time.time()
        if pending is not None:
            pending.add_done_callback(lambda _: self._timeline.add("judge", "judge", asked))

    def spans(self) -> list[Span]:
        """When the rules and the judge worked, group by group."""
        return list(self._timeline.spans)

    def collect(self) -> tuple[ScoredGroup, ...]:
        """Wait for the scores of all rollouts; groups come in the order of their places.

        Every process must call this. Raises RunStopped on all of them where a reward of the user's
        own fails on one.
        """
        with together():
            graded = [self._graded[place].result() for place in sorted(self._graded)]
        return tuple(self._composer.finish(group, self._thinking_weight) for group in graded)

    def metrics(self) -> dict[str, Metric]:
        """Figures of the judge and of the rules, about this step's rollouts only."""
        groups = [graded.result() for graded in self._graded.values()]
        rules = outcome_metrics([v for group in groups for v in group.verdicts if v is not None])
        if self._judge is None:
            return rules
        weight = Mean.of([self._thinking_weight])
        return {"thinking/weight": weight, **self._judge.metrics(), **rules}
