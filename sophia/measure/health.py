"""Whether a run learns anything, by its metrics: conditions, each with a finding and a remedy.

A condition reads a share in [0, 1] off the row of an RL step. It holds when the mean of that share
over its latest steps reaches its limit; steps that were not made yet count 0, so that the first few
of a run decide nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

Row = Mapping[str, float]
"""The metrics of one RL step by name, of all ranks; what could not be measured is absent."""

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """When a condition holds.

    Args:
        steps: over how many of the latest RL steps the mean is taken, at least 1.
        share: the mean that is one too high, in (0, 1].
    """

    steps: int
    share: float

    def __post_init__(self) -> None:
        if self.steps < 1 or not 0.0 < self.share <= 1.0:
            raise ValueError(
                f"a limit of callbacks.health has steps={self.steps}, share={self.share}; expected"
                " are at least 1 RL step and a share in (0, 1]. null leaves the condition out."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """When each condition holds; one that is None is not looked at.

    Args:
        loss_not_finite: share of steps whose loss is NaN or infinite.
        skipped_updates: share of optimizer steps that were skipped.
        truncated: share of completions cut at the length limit.
        no_format: share of completions without the format; of as many as are right it is 0.
        equal_groups: share of groups whose completions all have the same reward.
        no_gradient: share of steps whose gradient is 0.
    """

    loss_not_finite: Limit | None = Limit(steps=20, share=0.1)
    skipped_updates: Limit | None = Limit(steps=20, share=0.1)
    truncated: Limit | None = Limit(steps=10, share=0.9)
    no_format: Limit | None = Limit(steps=15, share=0.95)
    equal_groups: Limit | None = Limit(steps=20, share=0.95)
    no_gradient: Limit | None = Limit(steps=20, share=1.0)

    @classmethod
    def of(cls, node: Mapping[str, Any]) -> Limits:
        """The limits that a configuration holds as plain values.

        What is absent, or no plain number, is as by default; None is a condition left out.
        """
        plain: dict[str, Limit | None] = {}
        for field in fields(cls):
            if field.name not in node:
                continue
            given = node[field.name]
            if given is None:
                plain[field.name] = None
            elif isinstance(given, Mapping):
                steps, share = given.get("steps"), given.get("share")
                if isinstance(steps, int) and isinstance(share, int | float):
                    plain[field.name] = Limit(steps=steps, share=share)
        return cls(**plain)

    @property
    def by_name(self) -> dict[str, Limit]:
        """The limits of those conditions that are looked at."""
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: limit for name, limit in found.items() if limit is not None}

    @property
    def most_steps(self) -> int:
        """How many rows have to be kept."""
        return max((limit.steps for limit in self.by_name.values()), default=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One condition that holds: its name, a headline, what was seen, and what to do about it."""

    name: str
    headline: str
    seen: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Condition:
    """How a condition is read and said.

    ``explained_by`` are conditions that it follows from: while one of them holds, this one is not
    said, as the remedy is theirs.
    """

    read: Callable[[Row], float]
    headline: str
    seen: str
    remedy: str
    explained_by: tuple[str, ...] = ()


def _column(name: str) -> Callable[[Row], float]:
    return lambda row: row.get(name, 0.0)


def _without_format(row: Row) -> float:
    """A right answer needs no format: then it is not what the reward hangs on."""
    known = [row[n] for n in ("rewards/format/mean", "accuracy") if n in row]
    return 1.0 - max(known) if "rewards/format/mean" in row else 0.0


def _without_advantage(row: Row) -> float:
    """An equal group teaches all the same where it is compared with the whole step."""
    names = ("frac_reward_zero_std", "optim/frac_groups_left_out")
    known = [row[n] for n in names if n in row]
    return min(known) if names[0] in row else 0.0


_CONDITIONS = {
    "loss_not_finite": _Condition(
        read=lambda row: float(not math.isfinite(row.get("loss", 0.0))),
        headline="the loss is not finite",
        seen="In {share} of the last {steps} RL steps the loss was NaN or infinite; the weights saw"
        " nothing of those.",
        remedy="Lower algorithm.optimizer.lr, compute in float32"
        " (trainer.strategy.compute_dtype=float32 or model.dtype=float32), and see that rewards of"
        " your own are finite. A run whose weights are damaged starts anew from an earlier"
        " checkpoint.",
    ),
    "skipped_updates": _Condition(
        read=_column("optim/skipped_steps"),
        headline="updates are skipped",
        seen="{share} of the updates of the last {steps} RL steps were skipped, because their"
        " gradient was not finite.",
        remedy="Lower algorithm.optimizer.lr, or compute in float32"
        " (trainer.strategy.compute_dtype=float32).",
        explained_by=("loss_not_finite",),
    ),
    "truncated": _Condition(
        read=_column("completions/clipped_ratio"),
        headline="completions are cut off",
        seen="{share} of the completions of the last {steps} RL steps were cut at the length limit,"
        " before they could answer.",
        remedy="Raise sampling.max_new_tokens. A policy that never ends has not learnt to: start"
        " from an instruction-tuned model, or one that was fine-tuned on answers (warm_start).",
    ),
    "no_format": _Condition(
        read=_without_format,
        headline="no completion has the format",
        seen="{share} of the completions of the last {steps} RL steps lack the think and answer"
        " tags that the reward asks for.",
        remedy="The policy does not know the tags: ask for them in words (template=paper or"
        " template=release), start from a model that was fine-tuned on them (warm_start), or take"
        " reward.format_mode=weight.",
        explained_by=("truncated",),
    ),
    "equal_groups": _Condition(
        read=_without_advantage,
        headline="all groups are equal",
        seen="In {share} of the groups of the last {steps} RL steps all completions got the same"
        " reward (accuracy {accuracy}): there is nothing to tell better from worse.",
        remedy="The prompts are too hard when accuracy is near 0, too easy near 1: choose others"
        " (data.train). Else raise sampling.temperature or num_generations.",
        explained_by=("truncated", "no_format"),
    ),
    "no_gradient": _Condition(
        read=lambda row: float(row.get("grad_norm") == 0.0),
        headline="the gradient is 0",
        seen="In {share} of the last {steps} RL steps the gradient was exactly 0: the policy does"
        " not move.",
        remedy="See that completions are in the loss (algorithm.loss.mask_truncated_completions,"
        " rewards/outcome/unscored in metrics.csv) and that what model.freeze leaves is trained.",
        explained_by=("truncated", "no_format", "equal_groups"),
    ),
}


def shares(rows: Sequence[Row], limits: Limits) -> dict[str, float]:
    """Of each condition that is looked at, the mean over its latest steps, in [0, 1]."""
    return {
        name: math.fsum(_CONDITIONS[name].read(row) for row in rows[-limit.steps :]) / limit.steps
        for name, limit in limits.by_name.items()
    }


def findings(rows: Sequence[Row], limits: Limits) -> list[Finding]:
    """What is wrong after the last of these rows, causes only; empty for a run that learns."""
    found, limit_of = shares(rows, limits), limits.by_name
    holding = [n for n, share in found.items() if share >= limit_of[n].share - _ROUNDING]
    return [
        _finding(name, rows[-limit_of[name].steps :])
        for name in holding
        if not set(_CONDITIONS[name].explained_by) & set(holding)
    ]


def _finding(name: str, rows: Sequence[Row]) -> Finding:
    condition = _CONDITIONS[name]
    share = math.fsum(condition.read(row) for row in rows) / len(rows)  # of steps that were made
    accuracies = [row["accuracy"] for row in rows if "accuracy" in row]
    accuracy = f"{math.fsum(accuracies) / len(accuracies):.2f}" if accuracies else "unknown"
    return Finding(
        name=name,
        headline=condition.headline,
        seen=condition.seen.format(share=f"{share:.0%}", steps=len(rows), accuracy=accuracy),
        remedy=condition.remedy,
    )


def banner(found: Sequence[Finding]) -> str:
    """The findings as text for a terminal and a log, framed; "" without any."""
    if not found:
        return ""
    line = "!" * 78
    said = [f"{one.headline.upper()}\n{one.seen}\nWhat to do: {one.remedy}" for one in found]
    return "\n".join(["", line, "\n\n".join(said), line])
