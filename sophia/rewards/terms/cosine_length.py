"""The cosine reward: how long a right and a wrong answer should have been."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sophia.rewards.terms.rule import RuleTerm, check_max_tokens
from sophia.rewards.trust import is_correct
from sophia.types import GradedGroup


@dataclass(frozen=True, slots=True, kw_only=True)
class CosineLength(RuleTerm):
    """A right answer is better short, a wrong one better long (arXiv:2502.03373, section 4).

    From its first to its last value along half a cosine of the length l of L tokens:
    last + (first - last) * (1 + cos(pi * l / L)) / 2. The paper's reward is 2 to 1 for a right and
    -10 to 0 for a wrong answer, -10 at the limit, in the place of the outcome. Added to an outcome
    of 1 and 0 the same is 1 to 0 and -10 to 0.

    Args:
        max_tokens: L, counted with the end token.
        right: of a right answer, the value at length 0 and that at L.
        wrong: the same of a wrong answer.
        exceeding: the value of a completion of L tokens, right or wrong.
        weight: what it is multiplied by.
    """

    max_tokens: int
    right: tuple[float, float]
    wrong: tuple[float, float]
    exceeding: float
    weight: float

    def __post_init__(self) -> None:
        check_max_tokens(self.max_tokens)

    def values(self, group: GradedGroup) -> list[float | None]:
        """The reward of each completion; None for one whose outcome could not be scored."""
        pairs = zip(group.rollout.completions, group.outcomes, strict=True)
        return [None if o is None else self._value(len(c.token_ids), o) for c, o in pairs]

    def weights(self, group: GradedGroup) -> list[float]:
        """0 for a completion without an outcome, which has left its group."""
        return [0.0 if outcome is None else self.weight for outcome in group.outcomes]

    def _value(self, num_tokens: int, outcome: float) -> float:
        if num_tokens >= self.max_tokens:
            return self.exceeding
        first, last = self.right if is_correct(outcome) else self.wrong
        return last + (first - last) * (1 + math.cos(math.pi * num_tokens / self.max_tokens)) / 2
