"""The results of policies on benchmarks: what the tables, the page and results.json are made of."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from sophia.benchmarks.benchmark import Benchmark
from sophia.benchmarks.figures.figure import Sum
from sophia.benchmarks.figures.intervals import estimates
from sophia.benchmarks.summary import Counts, counts, differences, summarise
from sophia.evaluation.bootstrap import Estimate
from sophia.evaluation.records import EvalRecord


@dataclass(frozen=True, kw_only=True)
class Column:
    """One policy on one benchmark.

    Args:
        label: the policy's column in tables.
        ckpt: where it was said to be.
        benchmark: what it was asked.
        records: its answers.
        blind: its answers to the same questions without their images; None where not asked.
        seconds: what the answers took, the blind ones too.
    """

    label: str
    ckpt: str
    benchmark: Benchmark
    records: Sequence[EvalRecord]
    blind: Sequence[EvalRecord] | None
    seconds: float

    @cached_property
    def sums(self) -> dict[str, Sum]:
        """Its figures by name."""
        return summarise(self.benchmark, self.records)

    @cached_property
    def blind_sums(self) -> dict[str, Sum]:
        """Its figures without images by name; empty where it was not asked so."""
        return summarise(self.benchmark, self.blind) if self.blind is not None else {}

    @cached_property
    def figures(self) -> dict[str, Estimate]:
        """Its figures with intervals."""
        return estimates(self.sums)

    @cached_property
    def blind_figures(self) -> dict[str, Estimate]:
        """Its figures without images, with intervals."""
        return estimates(self.blind_sums)

    @cached_property
    def by_image(self) -> dict[str, Estimate]:
        """How much of each figure needs the image: sighted less blind, paired by question."""
        return estimates(differences(self.blind_sums, self.sums))

    @cached_property
    def counts(self) -> Counts:
        """What stands behind the figures."""
        return counts(self.records)


@dataclass(frozen=True, kw_only=True)
class Result:
    """All policies on one benchmark.

    Args:
        name: its name on the command line.
        benchmark: what was asked.
        file: the file or folder of its rows.
        is_official: whether that is the published one; None where nobody knows.
        limited: whether only some of its questions were asked.
        judged: whether a served model could be asked what the rule could not read.
        columns: the policies.
    """

    name: str
    benchmark: Benchmark
    file: str
    is_official: bool | None
    limited: bool
    judged: bool
    columns: Sequence[Column]

    @property
    def title(self) -> str:
        """How tables call it."""
        return self.benchmark.shown_title(judged=self.judged)

    @cached_property
    def change(self) -> dict[str, Estimate]:
        """The paired change of every figure from the first of two policies to the second."""
        if len(self.columns) != 2:
            return {}
        first, second = self.columns
        return estimates(differences(first.sums, second.sums))

    @property
    def origin(self) -> str:
        """What file it was, in a word or two."""
        if self.limited:
            return "a part"
        return {True: "official", False: "not official", None: "unknown"}[self.is_official]

    @property
    def names(self) -> list[str]:
        """All figures that any policy has."""
        return list(dict.fromkeys(name for column in self.columns for name in column.sums))

    @property
    def references(self) -> list[str]:
        """The policies that published numbers are known of."""
        known = self.benchmark.reference.values()
        return list(dict.fromkeys(policy for numbers in known for policy in numbers))

    def published(self, figure: str, policy: str) -> float | None:
        """A published number in points; None where none is known."""
        return self.benchmark.reference.get(figure, {}).get(policy)

    def as_json(self) -> dict[str, Any]:
        """Everything that was found, as results.json holds it."""
        return {
            "title": self.title,
            "file": self.file,
            "official_file": self.is_official,
            "limited": self.limited,
            "notes": self.benchmark.notes,
            "reference": {k: dict(v) for k, v in self.benchmark.reference.items()},
            "policies": [_column_json(column) for column in self.columns],
            "change": _figures_json(self.change, {}),
        }


def _column_json(column: Column) -> dict[str, Any]:
    return {
        "label": column.label,
        "ckpt": column.ckpt,
        "figures": _figures_json(column.figures, column.sums),
        "blind": _figures_json(column.blind_figures, column.blind_sums),
        "by_image": _figures_json(column.by_image, {}),
        **asdict(column.counts),
        "seconds": round(column.seconds, 3),
    }


def _figures_json(
    figures: Mapping[str, Estimate], sums: Mapping[str, Sum]
) -> dict[str, dict[str, float | int | None]]:
    return {
        name: {
            **{k: None if math.isnan(v) else v for k, v in asdict(estimate).items()},
            **({"n": sums[name].count} if name in sums else {}),
        }
        for name, estimate in figures.items()
    }
