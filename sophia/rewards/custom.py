"""A user's own function as a reward term, named in YAML.

Functions written for TRL or EasyR1 are called as those call them (sophia/rewards/signatures.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from sophia.own.function import load_function
from sophia.protocols import TermStep
from sophia.rewards.signatures import CALLS, RewardSignature
from sophia.rewards.terms.answers import finite_values
from sophia.rewards.terms.rule import AnsweredAtOnce
from sophia.types import GradedGroup, TermValues


class CustomReward:
    """Loads ``path/to/file.py:name`` or ``package.module:name`` and weighs what it returns.

    The total gets weight * value. When it returns None for one completion, the term is dropped for
    that completion's whole group.

    Args:
        function: where it is: ``path/to/file.py:name`` or ``package.module:name``.
        weight: what its value is multiplied by in the total.
        signature: how it is called. ``sophia``: with a prompt and a completion. ``group``: with a
            GradedGroup, once per group; it may return TermValues, whose weights count instead of
            ``weight``. ``trl`` and ``trl_messages``: as TRL does, once per group, with completions
            as texts or as chat messages. ``easyr1`` and ``easyr1_sequential``: as EasyR1 does, with
            all dictionaries of a group at once, or with each of them.
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
        self.loaded = load_function(function)
        self._function = partial(self.loaded, **arguments) if arguments else self.loaded
        self._call = CALLS[signature]

    def answer(self, group: GradedGroup) -> TermValues:
        """The values of a group with their weights; raises what the function raises.

        Raises:
            UnusableError: it did not return as many finite numbers as there are completions.
        """
        returned = self._call(self._function, group)
        if isinstance(returned, TermValues):
            return returned
        num_completions = len(group.outcomes)
        return TermValues(
            values=finite_values(returned, num_completions),
            weights=(self.weight,) * num_completions,
        )

    def open_step(self, rl_step: int) -> TermStep:
        """A step that answers at once, the same at every RL step."""
        return AnsweredAtOnce(self.answer)

    def close(self) -> None:
        """There is nothing to release."""
