"""Scores rollouts by rules and a judge, and puts the parts together by ``total_reward``."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Literal

from sophia.failures import together
from sophia.metrics import Mean, Metric
from sophia.protocols import JudgeStep, RewardTerm, ThinkingJudge
from sophia.rewards.checkers.verdict import Verdict
from sophia.rewards.format import ResponseFormat
from sophia.rewards.metrics import outcome_metrics
from sophia.rewards.outcome import OutcomeReward
from sophia.rewards.terms.named import NamedTerm, check_terms
from sophia.rewards.thinking import ThinkingRule, ThinkingTerm, applied_term
from sophia.rewards.total import total_reward
from sophia.schedules import Schedule
from sophia.timing import Span, Timeline
from sophia.types import (
    GradedGroup,
    Reward,
    RewardPart,
    Rollout,
    ScoredGroup,
    TermValues,
)

_NUM_THREADS = 8


class RewardComposer:
    """Scores rollouts while others are still being generated.

    Args:
        annealing: what the thinking reward weighs at an RL step; alpha * exp(-step / T) in the
            paper (arXiv:2505.17018, eq. 5); None where there is no thinking reward.
        judge: scores the thinking; not asked when ``thinking`` is None, and needed otherwise.
        outcome: grades the answer.
        format: says whether a response has the format that was asked for.
        format_mode: ``gate``: a response without the format gets a total of 0, is not judged and
            takes no side in the trust weight. ``weight``: the format is a part like any other.
        format_weight: what the format weighs in the total in the mode ``weight``.
        thinking: which completions are judged and when that counts; None for no thinking reward.
        trust: whether gamma (eq. 3) is applied; otherwise it is 1.
        extra: further reward terms by name.
        outcome_weight: what the outcome weighs in the total; the paper's is 1.
    """

    def __init__(  # noqa: PLR0913  (one argument per node of configs/reward)
        self,
        *,
        annealing: Schedule | None,
        judge: ThinkingJudge | None,
        outcome: OutcomeReward,
        format: ResponseFormat,
        format_mode: Literal["gate", "weight"],
        format_weight: float,
        thinking: ThinkingRule | None,
        trust: bool,
        extra: Mapping[str, RewardTerm],
        outcome_weight: float = 1.0,
    ) -> None:
        if thinking is not None and (judge is None or annealing is None):
            raise ValueError(
                "reward.thinking needs a judge and an annealing: choose judge=http and"
                " annealing=exponential, or reward=outcome, which has no thinking reward."
            )
        check_terms(extra)
        self._annealing = annealing
        self._judge = judge
        self._outcome = outcome
        self._outcome_weight = outcome_weight
        self._format = format
        self._gate = format_mode == "gate"
        self._format_weight = 0.0 if self._gate else format_weight
        self._thinking = thinking
        self._trust = trust
        self.extra = dict(extra)
        self._threads = ThreadPoolExecutor(_NUM_THREADS, thread_name_prefix="rewards")

    def open_step(self, rl_step: int) -> CompositionStep:
        """Start the scoring of one RL step.

        Raises:
            RunStopped: the judge is down for good, or a reward term cannot start.
        """
        judge, thinking_weight = None, 0.0
        if self._thinking is not None and self._judge is not None and self._annealing is not None:
            judge, thinking_weight = self._judge.open_step(), self._annealing(rl_step)
        terms = tuple(NamedTerm(name, t, rl_step=rl_step) for name, t in self.extra.items())
        return CompositionStep(self, judge=judge, thinking_weight=thinking_weight, terms=terms)

    def close(self) -> None:
        """Stop the threads and close the reward terms. The judge belongs to whoever made it."""
        self._threads.shutdown(cancel_futures=True)
        with ExitStack() as closing:  # one that fails leaves none of the others open
            for term in self.extra.values():
                closing.callback(term.close)

    def start(
        self, rollout: Rollout, judge: JudgeStep | None, terms: Sequence[NamedTerm]
    ) -> Future[GroupInFlight]:
        """Grade a rollout by rule in a thread, and there ask the judge and the terms about it."""
        return self._threads.submit(self._grade, rollout, judge, terms)

    def _grade(
        self, rollout: Rollout, judge: JudgeStep | None, terms: Sequence[NamedTerm]
    ) -> GroupInFlight:
        prompt, completions = rollout.prompt, rollout.completions
        well_formed = tuple(self._format(c.text) for c in completions)
        answered = well_formed if self._gate else (True,) * len(completions)
        verdicts = tuple(
            self._outcome.verdict(prompt, c) if ok else None
            for c, ok in zip(completions, answered, strict=True)
        )
        outcomes = tuple(0.0 if v is None else v.score for v in verdicts)
        asked, scores = (False,) * len(completions), None
        if self._thinking is not None and judge is not None:
            asked = self._thinking.to_judge(outcomes, answered)
            seen = [c for c, ask in zip(completions, asked, strict=True) if ask]
            scores = judge.submit(prompt, seen) if seen else None
        graded = GradedGroup(
            rollout=rollout, well_formed=well_formed, answered=answered, outcomes=outcomes
        )
        answers = tuple(term.submit(graded) for term in terms)
        return GroupInFlight(
            graded=graded, verdicts=verdicts, asked=asked, scores=scores, answers=answers
        )

    def finish(
        self, group: GroupInFlight, thinking_weight: float, extra: Sequence[Sequence[RewardPart]]
    ) -> ScoredGroup:
        """Wait for the judge's scores of one group and add up the parts.

        ``extra`` holds the parts of each reward term, one per completion.
        """
        term = self._term(group)
        weight = term.weight_of(thinking_weight)
        rewards = tuple(
            self._reward(group.graded, term, weight, index, [parts[index] for parts in extra])
            for index in range(len(group.graded.outcomes))
        )
        return ScoredGroup(
            rollout=group.graded.rollout, rewards=rewards, trust=term.trust,
            thinking_counted=term.counted,
        )  # fmt: skip

    def _reward(
        self,
        graded: GradedGroup,
        term: ThinkingTerm,
        weight: float,
        index: int,
        extra: Sequence[RewardPart],
    ) -> Reward:
        """The reward of one completion; ``weight`` is that of its thinking, before trust."""
        outcome, thinking = graded.outcomes[index], term.values[index]
        form = RewardPart(
            name="format", value=float(graded.well_formed[index]), weight=self._format_weight
        )
        gated = not graded.answered[index]
        total = total_reward(
            outcome=outcome, outcome_weight=self._outcome_weight, gamma=term.trust, weight=weight,
            thinking=thinking, others=[form, *extra], gated=gated,
        )  # fmt: skip
        parts = [RewardPart(name="outcome", value=outcome, weight=self._outcome_weight), form]
        if self._thinking is not None:
            parts.append(RewardPart(name="thinking", value=thinking, weight=term.trust * weight))
        return Reward(parts=(*parts, *extra), total=total, gated=gated)

    def _term(self, group: GroupInFlight) -> ThinkingTerm:
        found = iter(group.scores.result() if group.scores is not None else ())
        scores = tuple(next(found) if ask else None for ask in group.asked)
        return applied_term(
            self._thinking, outcomes=group.graded.outcomes, asked=group.asked, scores=scores,
            trust=self._trust,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupInFlight:
    """A graded group, with what the judge and the terms have still to say of it."""

    graded: GradedGroup
    verdicts: tuple[Verdict | None, ...]
    """Of the outcome rule; None for a completion behind the format gate, which is not graded."""
    asked: tuple[bool, ...]
    """Whether the judge is asked about a completion."""
    scores: Future[tuple[float | None, ...]] | None
    """The judge's, of those that it is asked about; None when it is asked about none."""
    answers: tuple[Future[TermValues], ...]
    """One per reward term."""


class CompositionStep:
    """The scoring of one step: ``submit`` as rollouts finish, ``collect`` when they are needed."""

    def __init__(
        self,
        composer: RewardComposer,
        *,
        judge: JudgeStep | None,
        thinking_weight: float,
        terms: Sequence[NamedTerm],
    ) -> None:
        self._composer = composer
        self._judge = judge
        self._thinking_weight = thinking_weight
        self._terms = terms
        self._groups: dict[int, Future[GroupInFlight]] = {}  # by place
        self._timeline = Timeline()

    def submit(self, place: int, rollout: Rollout) -> None:
        """Start scoring the rollout of the step's prompt at ``place``; returns at once."""
        assert place not in self._groups, f"there are two rollouts for the prompt at {place}"
        start = time.time()
        group = self._composer.start(rollout, self._judge, self._terms)
        group.add_done_callback(lambda done: self._watch(done, start))
        self._groups[place] = group

    def _watch(self, group: Future[GroupInFlight], start: float) -> None:
        """Note when the rules were done, and when the judge will be."""
        self._timeline.add("rules", "rules", start)
        if group.cancelled() or group.exception() is not None:
            return
        scores, asked = group.result().scores, time.time()
        if scores is not None:
            scores.add_done_callback(lambda _: self._timeline.add("judge", "judge", asked))

    def spans(self) -> list[Span]:
        """When the rules and the judge worked, group by group."""
        return list(self._timeline.spans)

    def collect(self) -> tuple[ScoredGroup, ...]:
        """Wait for the scores of all rollouts; groups come in the order of their places.

        Every process must call this. Raises RunStopped on all of them where a reward term fails on
        one.
        """
        with together():
            groups = [self._groups[place].result() for place in sorted(self._groups)]
            extra = [self._extra(group) for group in groups]
        return tuple(
            self._composer.finish(group, self._thinking_weight, parts)
            for group, parts in zip(groups, extra, strict=True)
        )

    def _extra(self, group: GroupInFlight) -> list[tuple[RewardPart, ...]]:
        pairs = zip(self._terms, group.answers, strict=True)
        return [term.parts(group.graded, answer) for term, answer in pairs]

    def metrics(self) -> dict[str, Metric]:
        """Figures of the judge, the rules and the terms, about this step's rollouts only."""
        groups = [group.result() for group in self._groups.values()]
        found = outcome_metrics([v for group in groups for v in group.verdicts if v is not None])
        for term in self._terms:
            found |= term.metrics()
        if self._judge is None:
            return found
        weight = Mean.of([self._thinking_weight])
        return {"thinking/weight": weight, **self._judge.metrics(), **found}
