"""Updates that are skipped because they are not finite, and when the run stops for them."""

from __future__ import annotations

from collections.abc import Iterable

from sophia.failures import RunStopped, stop_together


class SkippedUpdates:
    """Counts the optimizer steps in a row that were not taken, which is the same on all ranks.

    Args:
        most: how many in a row stop the run; None: never.
    """

    def __init__(self, *, most: int | None) -> None:
        self.in_a_row = 0
        self._most = most

    def note(self, skipped: Iterable[bool]) -> None:
        """Count the optimizer steps of a rollout, in their order; one that was taken begins anew.

        A rollout whose last step was taken does not stop the run, however many were skipped.
        """
        for one in skipped:
            self.in_a_row = self.in_a_row + 1 if one else 0

    def stop_if_too_many(self) -> None:
        """Stop all processes after too many in a row; a run that is resumed may skip anew.

        Raises:
            RunStopped: with what to do.
        """
        if self._most is None or self.in_a_row < self._most:
            return
        found, self.in_a_row = self.in_a_row, 0
        stop_together(
            RunStopped(
                f"{found} updates in a row were skipped, because their loss or gradient was NaN or"
                f" infinite (algorithm.update.max_skipped_updates is {self._most}). The weights are"
                " those from before them and are saved: resume=true goes on from there. Or start a"
                " run with a lower algorithm.optimizer.lr, with"
                " trainer.strategy.compute_dtype=float32 or with model.dtype=float32."
            )
        )
