"""The batch of a step with the advantages that follow from its rewards.

Shapes: B completions of a step on this rank.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from sophia.failures import stop_together, together
from sophia.grpo.batch import with_advantages
from sophia.grpo.estimators.scores import AdvantageEstimator, Everywhere, collate_scores
from sophia.types import ScoredGroup, TrainBatch


def with_scores(
    batch: TrainBatch,
    groups: Sequence[ScoredGroup],
    *,
    estimator: AdvantageEstimator,
    mask_truncated: bool,
    everywhere: Everywhere,
) -> TrainBatch:
    """The batch with an advantage for each completion; those that have none leave the loss.

    Args:
        batch: the completions, in the order of the groups.
        groups: their rewards.
        estimator: makes advantages of them.
        mask_truncated: whether completions cut by the length limit leave the loss too.
        everywhere: gathers a tensor from all ranks; a collective.

    Raises:
        RunStopped: the estimator failed, on this rank or another.
    """

    def if_none_has_stopped(mine: Tensor) -> Tensor:
        stop_together(None)  # an estimator may fail on one rank before this and on another not
        return everywhere(mine)

    scores = collate_scores(groups)
    with together():
        advantages = estimator(scores, everywhere=if_none_has_stopped)
    in_loss = scores.valid & ~scores.truncated if mask_truncated else scores.valid
    return with_advantages(batch, advantages, in_loss)
