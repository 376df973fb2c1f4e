"""A policy loss of the user's own: a function in a file of theirs, named in YAML."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from sophia.failures import RunStopped, together
from sophia.grpo.losses.policy_loss import PolicyTerm
from sophia.own.function import UnusableError, load_function, reason
from sophia.types import TrainBatch


class OwnPolicyLoss:
    """Calls ``function(logps, old, batch)``, which returns a ``PolicyTerm``.

    Every process must call it equally often: where it fails on one, all stop.

    Args:
        function: where it is: ``path/to/file.py:name`` or ``package.module:name``.
        arguments: further arguments that the function takes by name.
    """

    multiple_of_advantage = False  # nobody can say of a function

    def __init__(self, function: str, *, arguments: Mapping[str, Any] | None = None) -> None:
        self._spec = function
        self._loaded = load_function(function)
        self._function = partial(self._loaded, **(arguments or {}))

    def __call__(self, logps: Tensor, old: Tensor, batch: TrainBatch) -> PolicyTerm:
        """What the function returns; a collective.

        Raises:
            RunStopped: it raised, or returned something else, or of another shape, or without a
                gradient, on this process or another.
        """
        with together():
            try:
                return _checked(self._function(logps, old, batch), logps)
            except Exception as error:
                raise RunStopped(
                    f"the policy loss {self._spec} failed: {reason(error, self._loaded)}"
                ) from error


def _checked(term: Any, logps: Tensor) -> PolicyTerm:
    if not isinstance(term, PolicyTerm):
        raise UnusableError(f"it returned {type(term).__name__}, expected a PolicyTerm")
    if missing := {"low", "high"} - set(term.cut):
        raise UnusableError(f"its cut has no {sorted(missing)[0]!r}; there must be low and high")
    cuts = {f"cut[{name!r}]": tokens for name, tokens in term.cut.items()}
    for name, values in {"loss": term.loss, "ratio": term.ratio, **cuts}.items():
        if not isinstance(values, Tensor) or values.shape != logps.shape:
            got = tuple(values.shape) if isinstance(values, Tensor) else type(values).__name__
            raise UnusableError(
                f"its {name} is {got}, expected a tensor of the shape of logps,"
                f" {tuple(logps.shape)}"
            )
    if any(tokens.dtype != torch.bool for tokens in cuts.values()):
        raise UnusableError("its cut holds numbers; expected is True or False for each token")
    if logps.requires_grad and not term.loss.requires_grad:
        raise UnusableError("its loss has no gradient: it must be made of logps, not detached")
    return term
