"""Benchmarks of reward models: which of two responses is better, asked in both orders."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from sophia.benchmarks.item import Item, Items, Source
from sophia.benchmarks.literal import literal

FIRST, SECOND = "first", "second"
"""The two responses in ``Item.extra``; ``Item.answer`` is "1" or "2", whichever is better."""


class PairLayout(Protocol):
    """Where a row has its two responses, and how it says which is better."""

    def __call__(self, item: Item) -> Item:
        """The item with both responses in ``extra`` and the better one's number as its answer.

        Raises ValueError for a row that does not say.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """A list of two responses and their ranks, the lower the better (VL-RewardBench).

    The columns are among the item's extra ones; ranks may be its answer instead.
    """

    responses: str = "response"
    ranks: str = "human_ranking"

    def __call__(self, item: Item) -> Item:
        try:
            first, second = literal(item.extra.get(self.responses, ""))
            ranks = [float(rank) for rank in literal(item.extra.get(self.ranks, ""))]
        except (ValueError, TypeError) as error:
            raise ValueError(
                f"row {item.index} needs lists of two in {self.responses!r} and {self.ranks!r}"
            ) from error
        if len(ranks) != 2 or ranks[0] == ranks[1]:
            raise ValueError(f"row {item.index} ranks its two responses {ranks}, so none is better")
        return _pair(item, first, second, is_first=ranks[0] < ranks[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """One column with the better response and one with the worse (MM-RLHF-RewardBench)."""

    chosen: str = "chosen"
    rejected: str = "rejected"

    def __call__(self, item: Item) -> Item:
        chosen, rejected = _columns(item, self.chosen, self.rejected)
        return _pair(item, chosen, rejected, is_first=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A column that names the better of two other columns (Multimodal RewardBench)."""

    first: str = "Output1"
    second: str = "Output2"
    better: str = "Better"

    def __call__(self, item: Item) -> Item:
        first, second = _columns(item, self.first, self.second)
        better = item.extra.get(self.better, "")
        if better not in (self.first, self.second):
            raise ValueError(
                f"row {item.index} has {better!r} in column {self.better!r}; expected"
                f" {self.first!r} or {self.second!r}"
            )
        return _pair(item, first, second, is_first=better == self.first)


def _columns(item: Item, *names: str) -> list[str]:
    missing = [name for name in names if name not in item.extra]
    if missing:
        raise ValueError(f"row {item.index} has nothing in its column {missing[0]!r}")
    return [item.extra[name] for name in names]


def _pair(item: Item, first: str, second: str, *, is_first: bool) -> Item:
    extra = {**item.extra, FIRST: str(first), SECOND: str(second)}
    return replace(item, answer="1" if is_first else "2", extra=extra)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Pairs of responses out of a file, each asked in both orders.

    Args:
        rows: the file.
        layout: where its rows have the two responses.
        groups: a regular expression for each group; the label ``group`` of a row is the first whose
            expression, whatever its case, is how the label ``id`` begins, or ``category/id`` where
            there is a category.
        other: the group of what none of them finds; "" for its category, if it has one.
    """

    rows: Source
    layout: PairLayout
    groups: Mapping[str, str] = field(default_factory=dict)
    other: str = ""

    def find(self, root: Path) -> Path | None:
        """Where the file is."""
        return self.rows.find(root)

    def expected(self, root: Path) -> str:
        """Where it is looked for and how people get it."""
        return self.rows.expected(root)

    def read(self, path: Path, *, cache: Path) -> Items:
        """Every pair twice.

        Raises:
            ValueError: the file cannot be read, or a row does not say which response is better.
        """
        found = self.rows.read(path, cache=cache)
        try:
            pairs = [self._grouped(self.layout(found[place])) for place in range(len(found))]
        except ValueError as error:
            raise ValueError(f"{path}: {error}; expected {self.expected(path.parent)}.") from error
        return BothOrders(path=found.path, is_official=found.is_official, pairs=pairs)

    def _grouped(self, item: Item) -> Item:
        category = item.labels.get("category", "")
        name = "/".join(part for part in (category, item.labels.get("id", "")) if part)
        found = (group for group, p in self.groups.items() if re.match(p, name, re.IGNORECASE))
        group = next(found, self.other or category)
        return replace(item, labels={**item.labels, "group": group}) if group else item


@dataclass(frozen=True, slots=True, kw_only=True)
class BothOrders:
    """Each pair twice, as it is given and swapped: whoever always says "1" is right half the time.

    Both have the label ``pair``, the index of the pair, and ``order``. The one order that a hash of
    the index chooses has ``single``, for figures that ask each pair once.
    """

    path: Path
    is_official: bool | None
    pairs: Sequence[Item]

    def __len__(self) -> int:
        return 2 * len(self.pairs)

    def __getitem__(self, place: int, /) -> Item:
        item = self.pairs[place // 2]
        is_swapped = place % 2 == 1
        labels = {**item.labels, "pair": item.index, "order": "swapped" if is_swapped else "given"}
        if is_swapped == _asks_swapped(item.index):
            labels["single"] = "yes"
        item = replace(item, labels=labels, unit=item.unit or item.index)
        return _swapped(item) if is_swapped else item


def _swapped(item: Item) -> Item:
    return replace(
        item,
        index=f"{item.index}/swapped",
        answer="2" if item.answer == "1" else "1",
        extra={**item.extra, FIRST: item.extra[SECOND], SECOND: item.extra[FIRST]},
    )


def _asks_swapped(index: str) -> bool:
    return hashlib.sha256(index.encode()).digest()[0] % 2 == 1
