"""What stops a run between two updates, so that it can be resumed."""

from __future__ import annotations


class RunStopped(Exception):  # noqa: N818  (named for what it says)
    """The run cannot go on, and nothing was trained on in this step: it can be resumed."""


class EngineFailed(RunStopped):
    """The rollout engine died, hung, or holds other weights than the trainer."""
