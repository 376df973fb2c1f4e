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
from sophia.models.weights import TrainedWeight, trained_weights
from sophia.types import Rollout


class SyncedPolicy:
    """Weights of a checkpoint, and the log-probabilities that they give."""

    def __init__(self, folder: Path, *, frozen: Sequence[Part] = ()) -> None:
        self.model = load_model(folder)
        freeze(self.model, frozen)
        self._scorer = TokenScorer(self.model, rows="naive", temperature=1.0)

    def trained_weights(self) -> Iterator[TrainedWeight]:
        return trained_weights(self.model)

    def whole_weights(self) -> dict[str, Tensor]:
        """By name, as an engine takes them; the parameters' own memory."""
        return {weight.name: weight.whole() for weight in self.trained_weights()}

    def score(self, rollouts: Sequence[Rollout]) -> Tensor:
        with torch.no_grad():
            scores: TokenScores = self._scorer(build_train_batch(rollouts))
        return scores.per_token_logps
