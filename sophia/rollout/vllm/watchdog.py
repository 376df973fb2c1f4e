"""An engine that hangs ends the process with a stack dump; one that is too slow ends the step."""

from __future__ import annotations

import contextlib
import faulthandler
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

from sophia.failures import EngineFailed


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long an engine may take.

    Args:
        step_s: seconds for one engine step (one token of every running completion). Code that
            does not come back by then cannot be interrupted: the stacks of all threads are
            written to the error output and the process ends; the last checkpoint is there to
            resume from.
        generate_s: seconds for all requests of one RL step. Past it they are cancelled and the
            run stops with a checkpoint of the step's start.
    """

    step_s: float = 600.0
    generate_s: float = 7200.0

    def __post_init__(self) -> None:
        if min(self.step_s, self.generate_s) <= 0.0:
            raise ValueError(
                f"rollout.patience is step_s={self.step_s}, generate_s={self.generate_s}; both are"
                " seconds and must be positive."
            )

    @contextlib.contextmanager
    def heartbeat(self) -> Iterator[None]:
        """End the process when what is inside takes longer than ``step_s``."""
        assert sys.__stderr__ is not None
        faulthandler.dump_traceback_later(self.step_s, exit=True, file=sys.__stderr__)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()

    def check(self, started: float, *, unfinished: int) -> None:
        """Raise EngineFailed once ``generate_s`` have passed since ``started`` (time.monotonic)."""
        taken = time.monotonic() - started
        if taken > self.generate_s:
            raise EngineFailed(
                f"after {taken:.0f} s {unfinished} completions were not finished; at most"
                f" {self.generate_s:g} s are allowed. Raise rollout.patience.generate_s, or lower"
                " sampling.max_new_tokens."
            )
