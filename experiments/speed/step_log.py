"""One row per step, written alike by both trainers. Standard library only."""

from __future__ import annotations

import csv
import resource
import time
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRow:
    """Wall seconds of a step and its phases, tokens, and the most memory held so far."""

    rollout_s: float
    """Drawing the completions."""
    reference_s: float
    """Log-probabilities under the reference model (and old ones, which neither side needs)."""
    update_s: float
    """Forward, backward, clipping, optimizer."""
    step_s: float
    """From the end of the step before to the end of this one: nothing is left out."""
    step_cpu_s: float
    """Processor seconds of the same, all threads: what a busy machine changes least."""
    prompt_tokens: int
    """Summed over completions."""
    completion_tokens: int
    peak_bytes: int


@dataclass(frozen=True, slots=True)
class Instant:
    """A moment, in two clocks."""

    wall_s: float
    cpu_s: float


def now() -> Instant:
    """This moment."""
    return Instant(time.perf_counter(), time.process_time())


class StepLog:
    """Appends rows to a file; knows when the last step ended."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._end = now()

    def start(self) -> None:
        """The first step begins."""
        self._end = now()
        self._path.unlink(missing_ok=True)

    def end_step(self) -> Instant:
        """Seconds since the last step ended."""
        before, self._end = self._end, now()
        return Instant(self._end.wall_s - before.wall_s, self._end.cpu_s - before.cpu_s)

    def write(self, row: StepRow) -> None:
        """Add a row."""
        is_new = not self._path.exists()
        with self._path.open("a", newline="") as file:
            writer = csv.DictWriter(file, list(asdict(row)))
            if is_new:
                writer.writeheader()
            writer.writerow(asdict(row))


def peak_bytes() -> int:
    """The most memory that this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
