"""A policy as the weight sync sees one, without a training run around it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor

from sophia.grpo.batch import build_train_batch
from sophia.models.family import Part
from sophia.models.load import freeze, load_model
from sophia.models.scorer import TokenScorer, TokenScores
from sophia.types import Rollout


class SyncedPolicy:
    """Weights of a checkpoint, and the log-probabilities that they give."""

    def __init__(self, folder: Path, *, frozen: Sequence[Part] = ()) -> None:
        self.model = load_model(folder)
        freeze(self.model, frozen)
        self._scorer = TokenScorer(self.model, rows="naive", temperature=1.0)

    def named_weights(self) -> Iterator[tuple[str, Tensor]]:
        for name, parameter in self.model.named_parameters():
            if parameter.requires_grad:
                yield name, parameter.detach()

    def score(self, rollouts: Sequence[Rollout]) -> Tensor:
        with torch.no_grad():
            scores: TokenScores = self._scorer(build_train_batch(rollouts))
        return scores.per_token_logps
