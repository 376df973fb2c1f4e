"""Means of figures: of the categories of a benchmark (macro), of its halves, of its versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sophia.benchmarks.figures.accuracy import ByLabel
from sophia.benchmarks.figures.figure import Figure, Score, Sum
from sophia.evaluation.records import EvalRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Average:
    """The plain mean of other figures; absent unless all of them are there.

    Args:
        of: the figures.
    """

    of: Sequence[Figure]

    def __call__(self, records: Sequence[EvalRecord], score: Score) -> Mapping[str, Sum]:
        """The figure; see Figure."""
        found = [figure(records, score).get("") for figure in self.of]
        known = [own for own in found if own is not None]
        return {"": average(known)} if len(known) == len(found) else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Macro:
    """The plain mean over the values of a label: small categories count as much as large ones.

    Args:
        label: the label.
        values: the values that must all be there; () takes those that are.
        among: labels that a row must have to count.
    """

    label: str
    values: Sequence[str] = ()
    among: Mapping[str, str | Sequence[str]] = field(default_factory=dict)

    def __call__(self, records: Sequence[EvalRecord], score: Score) -> Mapping[str, Sum]:
        """The figure; see Figure."""
        found = ByLabel(label=self.label, among=self.among)(records, score)
        wanted = self.values or list(found)
        if not found or any(value not in found for value in wanted):
            return {}
        return {"": average([found[value] for value in wanted])}


def average(sums: Sequence[Sum]) -> Sum:
    """The plain mean of numbers."""
    total = sums[0]
    for other in sums[1:]:
        total = total + other
    return total.scaled(1.0 / len(sums))
