"""Metrics that know how they are merged: over micro-batches, optimizer steps and ranks alike.

A metric keeps what its value is made of, so merging is exact however unequal the pieces are, and
one that nobody could measure has no value and leaves the row, where 0 would pass for a measurement.
Parts of a metric may be tensors of shape (): they stay on their device while micro-batches add up.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import reduce
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Mean:
    """A mean as its sum and its weight: of values, of shares of a step, of flags."""

    total: float | Tensor
    count: float | Tensor

    @classmethod
    def of(cls, values: Iterable[float]) -> Self:
        """The mean of these values, each counting 1; a flag is 0 or 1."""
        known = list(values)
        return cls(total=math.fsum(known), count=float(len(known)))

    @property
    def value(self) -> float | None:
        """The mean; None without anything to take it of."""
        count = float(self.count)
        return float(self.total) / count if count else None

    def merge(self, other: Self) -> Self:
        """The mean of the values of both."""
        return replace(self, total=self.total + other.total, count=self.count + other.count)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """A count or an amount, which adds up."""

    value: float

    def merge(self, other: Self) -> Self:
        """The sum of both amounts."""
        return replace(self, value=self.value + other.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Max:
    """The largest of what was seen; -inf when nothing was."""

    largest: float | Tensor

    @classmethod
    def of(cls, values: Iterable[float]) -> Self:
        """The largest of these values."""
        return cls(largest=float(max(values, default=-math.inf)))

    @property
    def value(self) -> float | None:
        """The largest value; None when there was none."""
        largest = float(self.largest)
        return None if largest == -math.inf else largest

    def merge(self, other: Self) -> Self:
        """The larger of the two maxima."""
        return replace(self, largest=_larger(self.largest, other.largest))


@dataclass(frozen=True, slots=True, kw_only=True)
class Min:
    """The smallest of what was seen; inf when nothing was."""

    smallest: float | Tensor

    @classmethod
    def of(cls, values: Iterable[float]) -> Self:
        """The smallest of these values."""
        return cls(smallest=float(min(values, default=math.inf)))

    @property
    def value(self) -> float | None:
        """The smallest value; None when there was none."""
        smallest = float(self.smallest)
        return None if smallest == math.inf else smallest

    def merge(self, other: Self) -> Self:
        """The smaller of the two minima."""
        return replace(self, smallest=-_larger(-self.smallest, -other.smallest))


@dataclass(frozen=True, slots=True, kw_only=True)
class Std:
    """The unbiased standard deviation of ``count`` values.

    ``m2`` is the sum of their squared distances from ``mean``. Two are merged by the formula of
    Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample
    variances" (1979).
    """

    count: float
    mean: float
    m2: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Self:
        """The deviation of these values."""
        known = list(values)
        mean = math.fsum(known) / len(known) if known else 0.0
        m2 = math.fsum((value - mean) ** 2 for value in known)
        return cls(count=float(len(known)), mean=mean, m2=m2)

    @property
    def value(self) -> float | None:
        """The deviation: 0 for a single value, None without any."""
        if not self.count:
            return None
        return math.sqrt(self.m2 / (self.count - 1)) if self.count > 1 else 0.0

    def merge(self, other: Self) -> Self:
        """The deviation of both sets of values together."""
        count = self.count + other.count
        if not count:
            return self
        gap = other.mean - self.mean
        return replace(
            self,
            count=count,
            mean=self.mean + gap * other.count / count,
            m2=self.m2 + other.m2 + gap**2 * self.count * other.count / count,
        )


Metric = Mean | Sum | Max | Min | Std
Metrics = Mapping[str, Metric]


def merged(rows: Sequence[Metrics]) -> dict[str, Metric]:
    """The metrics of all rows together, name by name; a row that lacks a name adds nothing to it.

    Raises:
        ValueError: one name stands for metrics of two kinds.
    """
    found: dict[str, list[Metric]] = {}
    for row in rows:
        for name, metric in row.items():
            found.setdefault(name, []).append(metric)
    return {name: _merged(name, metrics) for name, metrics in found.items()}


def _merged(name: str, metrics: Sequence[Metric]) -> Metric:
    kinds = sorted({type(metric).__name__ for metric in metrics})
    if len(kinds) > 1:
        raise ValueError(f"metric {name!r} is a {' and a '.join(kinds)} at once.")
    return reduce(lambda left, right: left.merge(right), metrics)  # type: ignore[arg-type]


def values(metrics: Metrics) -> dict[str, float]:
    """The row that is logged: what was measured, as numbers."""
    known = {name: metric.value for name, metric in metrics.items()}
    return {name: value for name, value in known.items() if value is not None}


def as_floats(metrics: Metrics) -> dict[str, Metric]:
    """The same metrics with numbers in place of tensors: waits for the device."""
    return {name: _with_floats(metric) for name, metric in metrics.items()}


def _with_floats(metric: Metric) -> Metric:
    numbers: dict[str, Any] = {f.name: float(getattr(metric, f.name)) for f in fields(metric)}
    return replace(metric, **numbers)


def _larger(left: float | Tensor, right: float | Tensor) -> float | Tensor:
    """The larger of two numbers or of two tensors, which are compared on their device."""
    if isinstance(left, float) and isinstance(right, float):
        return max(left, right)
    return left.maximum(right)  # type: ignore[union-attr,arg-type]
