"""What a judge of two answers gives beside accuracy: the same verdict in both orders."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sophia.benchmarks.figures.figure import Score, Sum, mean_of, unit_of
from sophia.evaluation.records import EvalRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class SameVerdict:
    """The share in percent of pairs whose preferred answer does not depend on the order.

    A pair one of whose verdicts could not be read counts as not the same.

    Args:
        pair: the label that the two orders of a pair have in common.
    """

    pair: str = "pair"

    def __call__(self, records: Sequence[EvalRecord], score: Score) -> Mapping[str, Sum]:
        """The figure; see Figure."""
        pairs: dict[str, list[EvalRecord]] = defaultdict(list)
        for record in records:
            if self.pair in record.labels:
                pairs[record.labels[self.pair]].append(record)
        both = [own for own in pairs.values() if len(own) == 2]
        same = mean_of((unit_of(own[0]), float(_same(own, score))) for own in both)
        return {} if same is None else {"": same}


def _same(orders: Sequence[EvalRecord], score: Score) -> bool:
    """Right in both orders or wrong in both is the same answer preferred in both."""
    read = all(record.extracted is not None for record in orders)
    return read and score(orders[0]) == score(orders[1])
