"""The penalty for completions that repeat themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sophia.rewards.terms.rule import RuleTerm
from sophia.types import GradedGroup


@dataclass(frozen=True, slots=True, kw_only=True)
class RepetitionPenalty(RuleTerm):
    """Minus the share of n-grams of tokens that occurred before in the same completion.

    After the repetition penalty of arXiv:2502.03373. There each token of a repeated n-gram is
    penalised where it stands; here the completion is, by how much of it is repeated.

    Args:
        ngram_size: n, in tokens; the paper's is 40. A completion with fewer tokens repeats nothing.
        weight: what it is multiplied by.
    """

    ngram_size: int
    weight: float

    def __post_init__(self) -> None:
        if self.ngram_size < 1:
            raise ValueError(f"ngram_size is {self.ngram_size}; it must be at least 1.")

    def values(self, group: GradedGroup) -> list[float]:
        """The penalty of each completion, in (-1, 0]."""
        return [0.0 - self._repeated(c.token_ids) for c in group.rollout.completions]

    def _repeated(self, token_ids: Sequence[int]) -> float:
        num_ngrams = len(token_ids) - self.ngram_size + 1
        if num_ngrams < 1:
            return 0.0
        distinct = {tuple(token_ids[i : i + self.ngram_size]) for i in range(num_ngrams)}
        return 1.0 - len(distinct) / num_ngrams
