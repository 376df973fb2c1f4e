"""An estimator of the user's own: a function in a file of theirs, named in YAML."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from sophia.failures import RunStopped, StoppedTogether
from sophia.grpo.estimators.scores import Everywhere, Scores
from sophia.own.function import UnusableError, load_function, reason


class OwnAdvantages:
    """Calls ``function(scores, everywhere=...)``, which returns one advantage per completion.

    Args:
        function: where it is: ``path/to/file.py:name`` or ``package.module:name``.
        min_generations: how many completions of a prompt it needs.
        arguments: further arguments that the function takes by name.
    """

    def __init__(
        self,
        function: str,
        *,
        min_generations: int = 2,
        arguments: Mapping[str, Any] | None = None,
    ) -> None:
        self.min_generations = min_generations
        self._spec = function
        self._loaded = load_function(function)
        self._function = partial(self._loaded, **(arguments or {}))

    def __call__(self, scores: Scores, *, everywhere: Everywhere) -> Tensor:
        """(B,) float32 advantages, 0 for what is not valid.

        Raises:
            RunStopped: the function raised, or did not return as many finite numbers.
        """
        try:
            found = self._function(scores, everywhere=everywhere)
            return torch.where(scores.valid, _checked(found, len(scores.totals)), 0.0)
        except StoppedTogether:  # in ``everywhere``: another process failed
            raise
        except Exception as error:
            raise RunStopped(
                f"the estimator {self._spec} failed: {reason(error, self._loaded)}"
            ) from error


def _checked(found: Any, expected: int) -> Tensor:
    if not isinstance(found, Tensor) or found.shape != (expected,):
        shape = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
        raise UnusableError(f"it returned {shape}, expected a tensor of shape ({expected},)")
    if not found.isfinite().all():
        raise UnusableError("it returned an advantage that is not finite")
    return found.float()
