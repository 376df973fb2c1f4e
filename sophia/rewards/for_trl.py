"""Trust-GRPO's reward with the signature of TRL's reward functions. TRL itself is not needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import Any, Protocol

from sophia.rewards.checkers.choice import as_options
from sophia.rewards.format import ResponseFormat
from sophia.rewards.group import GroupRewards, gated_outcomes, trust_grpo_rewards
from sophia.rewards.outcome import OutcomeReward
from sophia.rewards.thinking import JudgeAll, ThinkingRule
from sophia.schedules import Schedule
from sophia.types import Prompt

_KNOWN = ("problem_type", "options", "tolerance")


class Judge(Protocol):
    """``def judge(prompts, responses, **columns)``: scores the thinking of responses."""

    def __call__(
        self, *, prompts: Sequence[Any], responses: Sequence[str], **columns: Sequence[Any]
    ) -> Sequence[float | None]:
        """A score in [0, 1] for each response, None where there is none.

        ``columns`` are those of the data set, as long as ``responses``.
        """


class TrainerState(Protocol):
    """What is read of transformers' ``TrainerState``."""

    global_step: int
    """Optimizer steps that are done."""


class TrustGRPOReward:
    """R = outcome + gamma * annealing(step) * thinking, 0 for a completion without the format.

    ``GRPOTrainer(reward_funcs=TrustGRPOReward(...))``: the data set has a column with the right
    answers, and may have ``problem_type``, ``options`` and ``tolerance``. An outcome that cannot be
    scored is None, whose completion TRL leaves out of its group. The step is the trainer's
    ``global_step``, which counts optimizer steps.

    Args:
        judge: scores thinking; called once per batch with those that ``rule`` asks about.
        annealing: what the thinking weighs at a step.
        num_generations: completions per prompt, as in the ``GRPOConfig``. A process must have whole
            groups: ``per_device_train_batch_size`` is a multiple of it.
        answer_column: the data set's column of right answers.
        problem_type: of rows that name none.
        outcome: grades the answers.
        format: says whether a completion has the format that was asked for; None asks for none.
        rule: whose thinking counts, and when.
        trust: whether gamma is applied.
    """

    def __init__(  # noqa: PLR0913  (one argument per part of the reward)
        self,
        *,
        judge: Judge,
        annealing: Schedule,
        num_generations: int,
        answer_column: str = "answer",
        problem_type: str = "numerical",
        outcome: OutcomeReward | None = None,
        format: ResponseFormat | None = None,
        rule: ThinkingRule | None = None,
        trust: bool = True,
    ) -> None:
        self.__name__ = "trust_grpo"  # how TRL names its metrics
        self._judge = judge
        self._annealing = annealing
        self._num_generations = num_generations
        self._answer_column = answer_column
        self._problem_type = problem_type
        self._outcome = outcome if outcome is not None else OutcomeReward()
        self._format = format
        self._rule = rule if rule is not None else JudgeAll()
        self._trust = trust

    def __call__(
        self,
        prompts: Sequence[Any],
        completions: Sequence[Any],
        *,
        trainer_state: TrainerState,
        log_metric: Callable[[str, float], None] | None = None,
        **columns: Any,
    ) -> list[float | None]:
        """One reward per completion; groups are ``num_generations`` neighbours.

        ``completions`` are texts or, as TRL gives those of a chat, lists of messages.

        Raises:
            ValueError: where groups are cut, there is no column of answers, or the judge gives
                another number of scores than it was asked for.
        """
        self._check_groups(prompts)
        texts = [response_text(completion) for completion in completions]
        well_formed = [self._format is None or self._format(text) for text in texts]
        graded = self._graded(texts, well_formed, columns)
        outcomes = gated_outcomes(graded, well_formed)
        weight = self._annealing(trainer_state.global_step)
        rows = {
            name: values for name, values in columns.items()
            if isinstance(values, list) and len(values) == len(texts)
        }  # fmt: skip
        asked = self._asked(outcomes, well_formed)
        scores = self._judged(asked, {**rows, "prompts": prompts, "responses": texts})
        groups = [
            trust_grpo_rewards(
                outcomes[group], scores[group], well_formed=well_formed[group], weight=weight,
                rule=self._rule, trust=self._trust,
            )
            for group in self._groups(texts)
        ]  # fmt: skip
        if log_metric is not None:
            _log(groups, weight, log_metric)
        return [total for group in groups for total in group.totals]

    def _graded(
        self, texts: Sequence[str], well_formed: Sequence[bool], columns: Mapping[str, Any]
    ) -> list[float | None]:
        if self._answer_column not in columns:
            raise ValueError(
                f"the data set has no column {self._answer_column!r} with the right answers; it has"
                f" {sorted(columns)}. Name the one that has them: answer_column=..."
            )
        named = [name for name in (self._answer_column, *_KNOWN) if name in columns]
        rows = [{name: columns[name][place] for name in named} for place in range(len(texts))]
        return [
            self._outcome.grade(self._prompt(row), text) if ok else 0.0
            for row, text, ok in zip(rows, texts, well_formed, strict=True)
        ]

    def _prompt(self, row: Mapping[str, Any]) -> Prompt:
        options = row.get("options")
        if isinstance(options, Mapping):  # a row of a table has a key for every row's letters
            options = {letter: text for letter, text in options.items() if text is not None}
        return Prompt(
            uid="(a row of TRL's)",
            messages=(),
            answer=str(row[self._answer_column]),
            problem_type=row.get("problem_type") or self._problem_type,
            options=as_options(options),
            tolerance=row.get("tolerance") or 0.0,
        )

    def _asked(self, outcomes: Sequence[float | None], well_formed: Sequence[bool]) -> list[int]:
        """The places of the completions that the judge is asked about."""
        groups = self._groups(outcomes)
        asked = [self._rule.to_judge(outcomes[g], well_formed[g]) for g in groups]
        return [place for place, ask in enumerate(ask for group in asked for ask in group) if ask]

    def _judged(
        self, asked: Sequence[int], columns: Mapping[str, Sequence[Any]]
    ) -> list[float | None]:
        """The judge's scores, None for those that it is not asked about."""
        seen = {name: [values[place] for place in asked] for name, values in columns.items()}
        found = self._judge(**seen) if asked else ()
        if len(found) != len(asked):
            raise ValueError(
                f"the judge was asked about {len(asked)} responses and gave {len(found)} scores;"
                " it must give one for each, None where it has none."
            )
        scores: list[float | None] = [None] * len(columns["responses"])
        for place, score in zip(asked, found, strict=True):
            scores[place] = score
        return scores

    def _groups(self, completions: Sequence[Any]) -> list[slice]:
        size = self._num_generations
        return [slice(start, start + size) for start in range(0, len(completions), size)]

    def _check_groups(self, prompts: Sequence[Any]) -> None:
        whole = len(prompts) % self._num_generations == 0
        if whole and all(
            all(prompt == prompts[group][0] for prompt in prompts[group])
            for group in self._groups(prompts)
        ):
            return
        raise ValueError(
            f"{len(prompts)} completions are not whole groups of {self._num_generations} of the"
            " same prompt; give num_generations as the GRPOConfig has it, and make"
            " per_device_train_batch_size a multiple of it."
        )


def response_text(completion: Any) -> str:
    """The text of a completion as TRL gives it: a text, or the messages of a chat."""
    if isinstance(completion, str):
        return completion
    contents = [message["content"] for message in completion]
    parts = [[c] if isinstance(c, str) else [part.get("text", "") for part in c] for c in contents]
    return "".join(text for texts in parts for text in texts)


def _log(
    groups: Sequence[GroupRewards], weight: float, log_metric: Callable[[str, float], None]
) -> None:
    """What was applied, under the names that our own runs log."""
    log_metric("trust/gamma", fmean(group.trust for group in groups))
    log_metric("thinking/weight", weight)
    counted = fmean(float(group.thinking_counted) for group in groups)
    log_metric("thinking/frac_groups_counted", counted)
