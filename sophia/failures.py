"""What stops a run between two updates, so that it can be resumed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator


class RunStopped(Exception):  # noqa: N818  (named for what it says)
    """The run cannot go on, and nothing was trained on in this step: it can be resumed."""


class Interrupted(RunStopped):
    """Ctrl-C, heeded between two steps."""


class EngineFailed(RunStopped):
    """The rollout engine died, hung, or holds other weights than the trainer."""


class StoppedTogether(RunStopped):
    """Raised by all processes at the same place, so that they can still save together."""


@contextlib.contextmanager
def together() -> Iterator[None]:
    """Around work of every process: where one has to stop inside, all stop at the end of it.

    Nothing inside may be a collective after the place that fails, unless ``stop_together(None)``
    stands before it. Raises as ``stop_together``.
    """
    try:
        yield
    except StoppedTogether:  # inside, where all have stopped already
        raise
    except RunStopped as stopped:
        stop_together(stopped)
    else:
        stop_together(None)


def stop_together(mine: RunStopped | None) -> None:
    """Stop all processes when one has to; every process must call this.

    Raises:
        RunStopped: ``mine``, where there is one process only.
        StoppedTogether: on all of several processes, with the message of the first that has one.
    """
    from torch import distributed  # a command that never starts a run does without torch

    if not distributed.is_initialized() or distributed.get_world_size() == 1:
        if mine is not None:
            raise mine
        return
    messages: list[str | None] = [None] * distributed.get_world_size()
    distributed.all_gather_object(messages, None if mine is None else str(mine))
    said = [message for message in messages if message is not None]
    if said:
        raise StoppedTogether(said[0]) from mine
