"""Rows of a benchmark with what a rule reads."""

from __future__ import annotations

from collections.abc import Mapping

from sophia.benchmarks.item import Item

OPTIONS = {"A": "a red cat", "B": "a dog", "C": "none", "D": "12"}


def item(
    answer: str,
    *,
    options: Mapping[str, str] | None = None,
    columns: Mapping[str, str] | None = None,
) -> Item:
    """A row; ``columns`` are its other ones."""
    return Item(index="7", question="?", answer=answer, options=options or {}, extra=columns or {})
