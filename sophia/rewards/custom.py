"""A user's own reward: any callable (Prompt, Completion) -> float | None, named in YAML.

Functions written for TRL or EasyR1 are called as those call them (sophia/rewards/signatures.py).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from numbers import Real
from typing import Any

from sophia.failures import RunStopped
from sophia.own.function import UnusableError, load_function, reason
from sophia.rewards.signatures import CALLS, RewardSignature, shown
from sophia.types import Completion, Prompt


class RewardFailed(RunStopped):
    """A user's own reward raised, or returned what is no number."""


class CustomReward:
    """Loads ``path/to/file.py:name`` or ``package.module:name`` and weighs what it returns.

    The total gets weight * value. When it returns None for one completion, the term is dropped for
    that completion's whole group.

    Args:
        function: where it is: ``path/to/file.py:name`` or ``package.module:name``.
        weight: what its value is multiplied by in the total.
        signature: how it is called. ``sophia``: with a prompt and a completion. ``trl`` and
            ``trl_messages``: as TRL does, once per group, with completions as texts or as chat
            messages. ``easyr1`` and ``easyr1_sequential``: as EasyR1 does, with all dictionaries
            of a group at once, or with each of them.
        arguments: further arguments that the function takes by name.
    """

    def __init__(
        self,
        function: str,
        *,
        weight: float,
        signature: RewardSignature = "sophia",
        arguments: Mapping[str, Any] | None = None,
    ) -> None:
        self.weight = weight
        self.function = function
        loaded = load_function(function)
        self._function = partial(loaded, **arguments) if arguments else loaded
        self._loaded = loaded
        self._call = CALLS[signature]

    def __call__(self, prompt: Prompt, completion: Completion) -> float | None:
        """The value of one completion alone, before it is weighed."""
        return self.values(prompt, (completion,), name=self.function)[0]

    def values(
        self, prompt: Prompt, completions: Sequence[Completion], *, name: str
    ) -> tuple[float | None, ...]:
        """One value per completion of a prompt, before they are weighed; None where it has none.

        Raises:
            RewardFailed: the function raised, or did not return as many finite numbers; says so of
                the reward called ``name``.
        """
        try:
            returned = self._call(self._function, prompt, completions)
            if hasattr(returned, "tolist"):  # an array or a tensor
                returned = returned.tolist()
            return _numbers(returned, len(completions))
        except Exception as error:
            raise RewardFailed(
                f"the reward {name!r} ({self.function}) failed on the prompt {prompt.uid!r}:"
                f" {reason(error, self._loaded)}"
            ) from error


def _numbers(returned: object, expected: int) -> tuple[float | None, ...]:
    if isinstance(returned, str | bytes) or not isinstance(returned, Sequence):
        raise UnusableError(f"it returned {shown(returned)}, expected a list of {expected}")
    if len(returned) != expected:
        raise UnusableError(f"it returned {len(returned)} values for {expected} completions")
    return tuple(_number(value) for value in returned)


def _number(value: Any) -> float | None:
    """The value as a float: of Python, of numpy, or a tensor without dimensions."""
    if value is None:
        return None
    if getattr(value, "shape", None) == ():
        value = value.item()
    if not isinstance(value, Real) or not math.isfinite(value):
        raise UnusableError(
            f"it returned {shown(value)}, expected a finite number, or None where it cannot say"
        )
    return float(value)
