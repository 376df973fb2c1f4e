"""MME's points: for each category accuracy, and accuracy over images both of whose questions count.

A category has at most 200 points, perception (ten categories) 2000, reasoning (four) 800.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sophia.benchmarks.figures.figure import Score, Sum, mean_of, unit_of
from sophia.evaluation.records import EvalRecord

_PERCEPTION = (
    "OCR", "artwork", "celebrity", "color", "count", "existence", "landmark", "position",
    "posters", "scene",
)  # fmt: skip
_REASONING = (
    "code_reasoning", "commonsense_reasoning", "numerical_calculation", "text_translation",
)  # fmt: skip
_QUESTIONS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class MME:
    """Points: "" is all (the paper's number), parts are perception, reasoning and each category.

    Args:
        label: the label that holds the category.
        image: the label that both questions about an image have in common.
    """

    label: str = "category"
    image: str = "image"

    def __call__(self, records: Sequence[EvalRecord], score: Score) -> Mapping[str, Sum]:
        """The figure; see Figure."""
        rows: dict[str, list[EvalRecord]] = defaultdict(list)
        for record in records:
            rows[record.labels.get(self.label, "")].append(record)
        points = {name: _points(rows[name], score, self.image) for name in sorted(rows)}
        known = {name: own for name, own in points.items() if own is not None}
        halves = {
            "perception": [known[name] for name in _PERCEPTION if name in known],
            "reasoning": [known[name] for name in _REASONING if name in known],
        }
        sums = {name: _total(own) for name, own in halves.items() if own}
        overall = {"": _total(list(sums.values()))} if sums else {}
        return {**overall, **sums, **known}


def _points(records: Sequence[EvalRecord], score: Score, label: str) -> Sum | None:
    images: dict[str, list[EvalRecord]] = defaultdict(list)
    for record in records:
        images[record.labels.get(label, unit_of(record))].append(record)
    pairs = [own for own in images.values() if len(own) == _QUESTIONS]
    accuracy = mean_of((unit_of(record), score(record)) for record in records)
    both = mean_of((unit_of(own[0]), min(map(score, own))) for own in pairs)
    return accuracy if accuracy is None or both is None else accuracy + both


def _total(sums: Sequence[Sum]) -> Sum:
    return Sum(means=tuple(mean for own in sums for mean in own.means))
