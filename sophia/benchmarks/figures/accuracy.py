"""Shares of right answers: of all rows, of the rows of each category, of whole groups of rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sophia.benchmarks.figures.figure import Score, Sum, chosen, mean_of, unit_of
from sophia.benchmarks.literal import literal
from sophia.evaluation.records import EvalRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """The mean score in percent over all rows (micro).

    Args:
        among: labels that a row must have to count; a list of values takes any of them.
    """

    among: Mapping[str, str | Sequence[str]] = field(default_factory=dict)

    def __call__(self, records: Sequence[EvalRecord], score: Score) -> Mapping[str, Sum]:
        """The figure; see Figure."""
        own = mean_of((unit_of(r), score(r)) for r in chosen(records, self.among))
        return {} if own is None else {"": own}


@dataclass(frozen=True, slots=True, kw_only=True)
class ByLabel:
    """The mean score in percent over the rows of each value of a label.

    Args:
        label: the label, such as ``category``.
        each: whether a value is a Python list, and its row counts for each element of it.
        among: labels that a row must have to count.
    """

    label: str
    each: bool = False
    among: Mapping[str, str | Sequence[str]] = field(default_factory=dict)

    def __call__(self, records: Sequence[EvalRecord], score: Score) -> Mapping[str, Sum]:
        """The figure; see Figure."""
        values: dict[str, list[tuple[str, float]]] = defaultdict(list)
        for record in chosen(records, self.among):
            for value in self._values(record):
                values[value].append((unit_of(record), score(record)))
        found = {value: mean_of(own) for value, own in sorted(values.items())}
        return {value: mean for value, mean in found.items() if mean is not None}

    def _values(self, record: EvalRecord) -> list[str]:
        value = record.labels.get(self.label)
        if value is None or not self.each:
            return [] if value is None else [value]
        try:
            listed = literal(value)
        except ValueError:  # not written as a list
            return [value]
        return [str(one) for one in listed] if isinstance(listed, list | tuple) else [value]


@dataclass(frozen=True, slots=True, kw_only=True)
class AllRight:
    """The share of groups in percent all of whose rows are right.

    Args:
        group: the labels that the rows of a group have in common.
        by: a label whose values are reported as parts too; None for no parts.
        among: labels that a row must have to count.
    """

    group: Sequence[str]
    by: str | None = None
    among: Mapping[str, str | Sequence[str]] = field(default_factory=dict)

    def __call__(self, records: Sequence[EvalRecord], score: Score) -> Mapping[str, Sum]:
        """The figure; see Figure."""
        groups: dict[tuple[str, ...], list[EvalRecord]] = defaultdict(list)
        for record in chosen(records, self.among):
            groups[tuple(record.labels.get(label, "") for label in self.group)].append(record)
        return of_groups(list(groups.values()), score, by=self.by)


@dataclass(frozen=True, slots=True, kw_only=True)
class Circular:
    """MMBench's CircularEval: a question counts when it is right in every order of its options.

    The rows of one question have indices that are equal modulo 1,000,000.

    Args:
        by: a label whose values are reported as parts too; None for no parts.
        among: labels that a row must have to count.
    """

    by: str | None = None
    among: Mapping[str, str | Sequence[str]] = field(default_factory=dict)

    def __call__(self, records: Sequence[EvalRecord], score: Score) -> Mapping[str, Sum]:
        """The figure; see Figure."""
        groups: dict[str, list[EvalRecord]] = defaultdict(list)
        for record in chosen(records, self.among):
            groups[first_index(record.uid)].append(record)
        return of_groups(list(groups.values()), score, by=self.by)


def first_index(uid: str) -> str:
    """The index of the question that a row asks in one of several orders."""
    index = uid.partition("/")[2]
    return str(int(index) % 1_000_000) if index.isdecimal() else index


def of_groups(
    groups: Sequence[Sequence[EvalRecord]], score: Score, *, by: str | None
) -> dict[str, Sum]:
    """The share of groups that are right altogether, and by a label of their first rows."""
    values: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for group in groups:
        value = unit_of(group[0]), min(score(record) for record in group)
        values[""].append(value)
        if by is not None and by in group[0].labels:
            values[group[0].labels[by]].append(value)
    found = {name: mean_of(own) for name, own in sorted(values.items())}
    return {name: mean for name, mean in found.items() if mean is not None}
