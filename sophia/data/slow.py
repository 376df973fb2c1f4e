"""A bar for work that turns out to be slow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from time import monotonic
from typing import TypeVar

from lightning.pytorch.utilities import rank_zero_only
from rich.progress import Progress

_Item = TypeVar("_Item")
_PATIENCE_S = 3.0


def shown_when_slow(items: Sequence[_Item], *, description: str) -> Iterator[_Item]:
    """The items; after some seconds, with a bar in the terminal of the first process."""
    begin, running = monotonic(), False
    progress = Progress(disable=getattr(rank_zero_only, "rank", 0) != 0)
    task = progress.add_task(description, total=len(items))
    try:
        for place, item in enumerate(items):
            if not running and monotonic() - begin > _PATIENCE_S:
                progress.start()
                running = True
            yield item
            if running:
                progress.update(task, completed=place + 1)
    finally:
        if running:
            progress.stop()
