"""The soft penalty for completions that come close to the length limit (DAPO)."""

from __future__ import annotations

from dataclasses import dataclass

from sophia.rewards.terms.rule import RuleTerm, check_max_tokens
from sophia.types import GradedGroup


@dataclass(frozen=True, slots=True, kw_only=True)
class OverlongPenalty(RuleTerm):
    """0 up to L - B tokens, from there in a straight line to -1 at L (arXiv:2503.14476, eq. 13).

    Args:
        max_tokens: L, counted with the end token.
        buffer_share: B / L, in (0, 1]; the paper's is 4,096 / 20,480 = 0.2.
        weight: what it is multiplied by. The paper's outcomes are -1 and 1, ours 0 and 1: half of
            its penalty, 0.5, keeps the two in proportion.
    """

    max_tokens: int
    buffer_share: float
    weight: float

    def __post_init__(self) -> None:
        check_max_tokens(self.max_tokens)
        if not 0.0 < self.buffer_share <= 1.0:
            raise ValueError(f"buffer_share is {self.buffer_share}; it must lie in (0, 1].")

    def values(self, group: GradedGroup) -> list[float]:
        """The penalty of each completion, in [-1, 0]."""
        return [self._penalty(len(c.token_ids)) for c in group.rollout.completions]

    def _penalty(self, num_tokens: int) -> float:
        buffer = self.buffer_share * self.max_tokens
        over = num_tokens - (self.max_tokens - buffer)
        return 0.0 - min(max(over / buffer, 0.0), 1.0)
