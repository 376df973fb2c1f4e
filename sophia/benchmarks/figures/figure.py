"""What a benchmark reports, as a sum of means: so that one bootstrap gives every interval."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sophia.evaluation.records import EvalRecord

Score = Callable[[EvalRecord], float]
"""The score of an answer in [0, 1]: by the official rule, or by ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mean:
    """``scale`` times a mean.

    ``units`` holds for each unit the sum of the values that depend on it, and how many they are.
    """

    scale: float
    units: Mapping[str, tuple[float, int]]

    @property
    def count(self) -> int:
        """How many values it is the mean of."""
        return sum(count for _, count in self.units.values())

    @property
    def value(self) -> float:
        """The scaled mean; NaN of nothing."""
        total = sum(own for own, _ in self.units.values())
        return self.scale * total / self.count if self.count else float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """A reported number: the sum of its means."""

    means: tuple[Mean, ...]

    @property
    def value(self) -> float:
        """The number itself."""
        return sum(mean.value for mean in self.means)

    @property
    def count(self) -> int:
        """How many values went into it."""
        return sum(mean.count for mean in self.means)

    def scaled(self, factor: float) -> Sum:
        """It, times ``factor``."""
        means = (Mean(scale=factor * mean.scale, units=mean.units) for mean in self.means)
        return Sum(means=tuple(means))

    def __add__(self, other: Sum) -> Sum:
        return Sum(means=self.means + other.means)

    def __sub__(self, other: Sum) -> Sum:
        return self + other.scaled(-1.0)


class Figure(Protocol):
    """What a benchmark reports of its records, in points: a share is in percent."""

    def __call__(self, records: Sequence[EvalRecord], score: Score) -> Mapping[str, Sum]:
        """The numbers by name: "" is the figure itself, another name one of its parts.

        A number over no record is absent.
        """


def mean_of(values: Iterable[tuple[str, float]], *, scale: float = 100.0) -> Sum | None:
    """The mean of (unit, value); None of nothing."""
    units: dict[str, tuple[float, int]] = {}
    for unit, value in values:
        total, count = units.get(unit, (0.0, 0))
        units[unit] = total + value, count + 1
    return Sum(means=(Mean(scale=scale, units=units),)) if units else None


def unit_of(record: EvalRecord) -> str:
    """What a bootstrap draws for this record: its image where rows share one."""
    return str(record.units[0])


def chosen(
    records: Sequence[EvalRecord], among: Mapping[str, str | Sequence[str]]
) -> list[EvalRecord]:
    """The records whose labels are these; a list of values takes any of them."""
    wanted = {label: [v] if isinstance(v, str) else list(v) for label, v in among.items()}
    return [r for r in records if all(r.labels.get(k) in values for k, values in wanted.items())]
