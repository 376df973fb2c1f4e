"""The one failure of a judge that stops a run."""

from __future__ import annotations


class JudgeDown(Exception):  # noqa: N818  (named for what it says)
    """The judge is down for good; the message says where, how it showed and what to do."""
