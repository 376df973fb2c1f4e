"""Which rows of a benchmark are asked where not all of them are: some, always the same ones."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence

from sophia.benchmarks.item import Items


def some_places(items: Items, limit: int | None) -> Sequence[int]:
    """The places of about ``limit`` rows, in order; None takes all.

    Rows about one image stay together, since some figures are of all of them. Which are taken is
    decided by a hash of their names, so that no category at the top of a file is preferred.
    """
    if limit is not None and limit < 1:
        raise ValueError(f"the limit is {limit}; it must be at least 1, or null for all questions.")
    if limit is None or limit >= len(items):
        return range(len(items))
    units: dict[str, list[int]] = defaultdict(list)
    for place in range(len(items)):
        item = items[place]
        units[item.unit or item.index].append(place)
    places: list[int] = []
    for unit in sorted(units, key=_draw):
        if len(places) >= limit:
            break
        places += units[unit]
    return sorted(places)


def _draw(unit: str) -> bytes:
    return hashlib.sha256(unit.encode()).digest()
