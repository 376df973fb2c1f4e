"""When the phases of a step ran, and for how long."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass


@contextlib.contextmanager
def timed(timings: dict[str, float], phase: str) -> Iterator[None]:
    """Add the seconds spent inside to ``timings[phase]``."""
    start = time.perf_counter()
    try:
        yield
    finally:
        timings[phase] = timings.get(phase, 0.0) + time.perf_counter() - start


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A piece of work by the clock on the wall, which threads and processes share.

    ``lane`` is who did it: ``loader``, ``rules``, ``judge`` or ``trainer``. ``start`` and ``stop``
    are seconds as ``time.time`` gives them.
    """

    lane: str
    phase: str
    start: float
    stop: float


class Timeline:
    """The phases of one step: seconds of the trainer by phase, and spans of all lanes."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.spans: list[Span] = []

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time what is inside as work of the trainer; a step takes the sum of its phases."""
        start = time.time()
        try:
            with timed(self.seconds, name):
                yield
        finally:
            self.add("trainer", name, start)

    def add(self, lane: str, phase: str, start: float) -> None:
        """Note work that began at ``start`` and ends now."""
        self.spans.append(Span(lane=lane, phase=phase, start=start, stop=time.time()))
