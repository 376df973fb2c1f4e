"""How much of each benchmark training rows are near to, as a table for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table

from sophia.benchmarks.overlap.match import KINDS
from sophia.benchmarks.overlap.tally import Tally


def overlap_table(tallies: Sequence[Tally]) -> Table:
    """A row per benchmark; a question is counted once, by the strongest kind."""
    table = Table(box=SIMPLE_HEAD)
    table.add_column("benchmark", overflow="fold")
    for heading in ("items", *KINDS.values(), "share", "training rows"):
        table.add_column(heading, justify="right")
    for tally in tallies:
        numbers = (len(tally.target.items), *tally.counts.values())
        table.add_row(
            tally.target.name,
            *(f"{number:,}" for number in numbers),
            f"{tally.share:.1%}",
            f"{tally.num_rows:,}",
        )
    return table
