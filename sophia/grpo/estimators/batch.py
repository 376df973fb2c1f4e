"""How much better than all completions of the step a completion is."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from sophia.grpo.estimators.scores import Everywhere, Scores
from sophia.grpo.estimators.statistics import check_epsilon, whitened


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchAdvantages:
    """(R - mean(R)) / (std(R) + epsilon) over all completions of all ranks.

    REINFORCE++ (arXiv:2501.03262, eq. 8, without the KL in the reward). Every completion counts
    once in mean and deviation, where there every token does. One completion per prompt is enough.
    """

    epsilon: float = 1e-6

    def __post_init__(self) -> None:
        check_epsilon(self.epsilon)

    @property
    def min_generations(self) -> int:
        """One."""
        return 1

    def __call__(self, scores: Scores, *, everywhere: Everywhere) -> Tensor:
        """(B,) float32 advantages."""
        return whitened(scores.totals, scores.valid, everywhere, epsilon=self.epsilon).float()
