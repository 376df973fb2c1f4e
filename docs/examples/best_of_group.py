"""An algorithm of one's own: the best of a group alone counts; a penalty replaces the clip."""

import torch
from torch import Tensor

from sophia.grpo.estimators.scores import Everywhere, Scores
from sophia.grpo.losses.policy_loss import PolicyTerm
from sophia.types import TrainBatch


def best_of_group(scores: Scores, *, everywhere: Everywhere) -> Tensor:
    """(B,) by how much the best of a family beats its second; 0 for all others."""
    advantages = torch.zeros_like(scores.totals)
    for family in scores.families.unique():
        members = ((scores.families == family) & scores.valid).nonzero().flatten()
        if len(members) > 1:
            first, second = scores.totals[members].topk(2).indices
            gap = scores.totals[members[first]] - scores.totals[members[second]]
            advantages[members[first]] = gap
    return advantages


def penalised(logps: Tensor, old: Tensor, batch: TrainBatch, *, epsilon: float = 0.2) -> PolicyTerm:
    """(N,) -A r + |A| (r - 1)^2 / (2 epsilon): least where r is 1 + epsilon, or 1 - epsilon."""
    advantages = batch.advantages[batch.sequence_ids]
    ratio = (logps - old).exp()
    penalty = advantages.abs() * (ratio - 1.0).square() / (2.0 * epsilon)
    nothing = torch.zeros_like(ratio, dtype=torch.bool)
    return PolicyTerm(
        loss=penalty - advantages * ratio, ratio=ratio, cut={"low": nothing, "high": nothing}
    )
