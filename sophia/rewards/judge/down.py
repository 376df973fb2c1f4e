"""The one failure of a judge that stops a run."""

from __future__ import annotations

from sophia.failures import RunStopped


class JudgeDown(RunStopped):
    """The judge is down for good; the message says where, how it showed and what to do."""
