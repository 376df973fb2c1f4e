"""Policy and reference as TokenScorers, whole or sharded."""

from __future__ import annotations

import copy
from functools import cached_property
from pathlib import Path
from typing import Any

from sophia.models.exactness import settled_rows
from sophia.models.family import tower_of
from sophia.models.hub import find_checkpoint
from sophia.models.load import ModelLoader, empty_model
from sophia.models.read import fill, stored_dtype
from sophia.models.scorer import TokenScorer
from sophia.models.sharding import Sharding, frozen_vision, shard
from sophia.types import RowsKind


class ScorerFactory:
    """Builds the scorers of a run, so that policy and reference are laid out alike.

    Args:
        loader: what is loaded and what of it is trained.
        folder: the checkpoint that policy and reference start from, a folder or a hub name.
        rows: the layout of batches that is wanted; what is used is what is exact for the model.
        temperature: what logits are divided by, as they were when sampling.
        entropy_grad: whether the policy's entropy carries gradients (an entropy bonus needs them).
    """

    def __init__(
        self,
        loader: ModelLoader,
        folder: Path | str,
        *,
        rows: RowsKind,
        temperature: float,
        entropy_grad: bool,
    ) -> None:
        self._loader = loader
        self._folder = folder
        self._wanted: RowsKind = rows
        self._temperature = temperature
        self._entropy_grad = entropy_grad

    @cached_property
    def rows(self) -> RowsKind:
        """The layout that all scorers use; every process must ask for it before its first scorer.

        Raises ValueError for a model that no layout computes rightly.
        """
        return settled_rows(
            self._folder,
            wanted=self._wanted,
            temperature=self._temperature,
            attn_implementation=self._loader.attn_implementation,
        )

    def policy(self) -> TokenScorer:
        """The policy, whole on this process, in the type of its parameters."""
        return self._scorer(self._loader.load(self._folder))

    def reference(self, policy: TokenScorer) -> TokenScorer:
        """A frozen copy of the policy, to be taken before the policy has moved."""
        return copy.deepcopy(policy).requires_grad_(False)

    def sharded_policy(self, sharding: Sharding, *, offload: bool) -> TokenScorer:
        """The policy in shards, of which each process reads its own; every process must call this.

        ``offload`` keeps the shards on the CPU between their uses.
        """
        model = self._loader.empty(self._folder)
        scorer = self._sharded(model, sharding, offload=offload)
        if self._loader.lora is not None:
            self._loader.lora.initialise(model)
        return scorer

    def sharded_reference(
        self, policy: TokenScorer, sharding: Sharding, *, offload: bool
    ) -> TokenScorer:
        """The frozen reference in shards; every process must call this.

        It is kept in the type that is computed in, to which the policy is rounded as well.
        """
        model = empty_model(
            self._folder,
            attn_implementation=self._loader.attn_implementation,
            dtype=sharding.compute_dtype,
        )
        model.requires_grad_(False)
        trained = {n for n, p in policy.model.named_parameters() if p.requires_grad}
        return self._sharded(model, sharding, offload=offload, as_if_trained=trained)

    def _sharded(
        self,
        model: Any,
        sharding: Sharding,
        *,
        offload: bool,
        as_if_trained: frozenset[str] | set[str] = frozenset(),
    ) -> TokenScorer:
        folder = find_checkpoint(self._folder)
        scorer = self._scorer(model)
        replicated: set[str] = set()
        tower = tower_of(model.config)
        vision = None if tower is None else stored_dtype(folder, f"{tower.attribute}.")
        if vision is not None and sharding.can_replicate(vision):
            replicated = {f"model.{name}" for name in frozen_vision(model) - as_if_trained}
        for name, parameter in scorer.named_parameters():
            if name in replicated:
                parameter.data = parameter.data.to(sharding.compute_dtype)
        shard(scorer, sharding, replicated=replicated, offload=offload)
        fill(model, folder, device=sharding.device, offload=offload)
        return scorer

    def _scorer(self, model: Any) -> TokenScorer:
        return TokenScorer(
            model,
            rows=self.rows,
            temperature=self._temperature,
            entropy_grad=self._entropy_grad and any(p.requires_grad for p in model.parameters()),
        )
