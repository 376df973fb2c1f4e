"""A policy loss of the user's own: a function in a file of theirs, named in YAML."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from torch import Tensor

from sophia.failures import RunStopped
from sophia.grpo.losses.policy_loss import PolicyTerm
from sophia.own.function import UnusableError, load_function, reason
from sophia.types import TrainBatch


class OwnPolicyLoss:
    """Calls ``function(logps, old, batch)``, which returns a ``PolicyTerm``.

    Args:
        function: where it is: ``path/to/file.py:name`` or ``package.module:name``.
        arguments: further arguments that the function takes by name.
    """

    def __init__(self, function: str, *, arguments: Mapping[str, Any] | None = None) -> None:
        self._spec = function
        self._loaded = load_function(function)
        self._function = partial(self._loaded, **(arguments or {}))

    def __call__(self, logps: Tensor, old: Tensor, batch: TrainBatch) -> PolicyTerm:
        """What the function returns.

        Raises:
            RunStopped: it raised, or returned something else, or of another shape.
        """
        try:
            term = self._function(logps, old, batch)
            if not isinstance(term, PolicyTerm) or term.loss.shape != logps.shape:
                raise UnusableError(
                    f"it returned {type(term).__name__}, expected a PolicyTerm whose loss has the"
                    f" shape of logps, {tuple(logps.shape)}"
                )
            return term
        except Exception as error:
            raise RunStopped(
                f"the policy loss {self._spec} failed: {reason(error, self._loaded)}"
            ) from error
