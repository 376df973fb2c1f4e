"""The rows of a file as items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sophia.benchmarks.item import Item
from sophia.benchmarks.readers.layout import Layout, Row


@dataclass(frozen=True, slots=True, kw_only=True)
class RowItems:
    """Rows in memory, as texts; their images are files, opened when somebody looks at them."""

    path: Path
    is_official: bool | None
    """Whether it is the published file, byte for byte; None where nobody knows its digest."""
    layout: Layout
    rows: Sequence[Row]
    images: Sequence[Sequence[Path]]
    """Of each row."""

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, place: int, /) -> Item:
        return self.layout.item(self.rows[place], place=place, images=self.images[place])
