"""One GRPO step (arXiv:2402.03300): policy and frozen reference, and the clock of the run.

Shapes: B completions of a step on this rank, N all their tokens in one flat row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from lightning import LightningModule
from torch import Tensor, nn
from torch.optim import Optimizer

from sophia.failures import together
from sophia.grpo.batch import build_train_batch, select_sequences, slice_sequences
from sophia.grpo.estimators.scores import AdvantageEstimator
from sophia.grpo.loss import LossConfig
from sophia.grpo.micro_batches import SequenceSpan, TokenBudget
from sophia.measure.completions import completion_metrics, over_ranks
from sophia.measure.perf import Performance, tokens_per_patch
from sophia.metrics import Mean, Metrics
from sophia.models.adapters import adapter_scaling, adapters_off
from sophia.models.image_features import has_constant_tower, with_image_features
from sophia.models.load import ModelLoader
from sophia.models.policy import ScorerFactory
from sophia.models.scorer import TokenScorer
from sophia.models.weights import TrainedWeight, trained_weights
from sophia.rewards.metrics import reward_metrics
from sophia.schedules import Schedule
from sophia.step import StepBatch, Trained
from sophia.training.optim import (
    OptimizerFactory,
    frac_changed,
    sample_parameters,
    set_learning_rate,
    with_configured_rates,
)
from sophia.training.ranks import Ranks
from sophia.training.scored_batch import with_scores
from sophia.training.skipped import SkippedUpdates
from sophia.training.strategy import ShardedStrategy
from sophia.training.update import FixedLogProbs, PolicyUpdate, UpdateConfig, Updated
from sophia.types import EncodedPrompt, Rollout, RowsKind, TrainBatch


class GRPOModule(LightningModule):
    """Owns the policy, the reference (outside the module tree) and ``rl_step``.

    Args:
        model: what is loaded and what of it is trained.
        policy_folder: the checkpoint that the run starts from; also the reference.
        optimizer: makes the optimizer from the trained parameters.
        lr_schedule: what the learning rate is multiplied by at an RL step.
        estimator: how much better than expected a completion is, from the rewards of a step.
        loss: what is minimised.
        update: how a rollout is cut into optimizer steps and micro-batches.
        temperature: the temperature of sampling, at which log-probabilities are taken too.
        max_new_tokens: the length limit, in tokens; ``constant_length`` aggregation divides by it.
        rows: how sequences are laid out for the model, the same in every pass; shared rows become
            naive ones for a model that they are not exact for (sophia/models/exactness.py).
    """

    def __init__(  # noqa: PLR0913  (one argument per node of configs/algorithm)
        self,
        *,
        model: ModelLoader,
        policy_folder: Path,
        optimizer: OptimizerFactory,
        lr_schedule: Schedule,
        estimator: AdvantageEstimator,
        loss: LossConfig,
        update: UpdateConfig,
        temperature: float,
        max_new_tokens: int,
        rows: RowsKind,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.rl_step = 0
        self.policy: TokenScorer | None = None
        self._reference: list[TokenScorer] = []  # a plain list: in no state_dict
        self._adapters = model.lora is not None
        self._factory = ScorerFactory(
            model,
            policy_folder,
            rows=rows,
            temperature=temperature,
            entropy_grad=loss.entropy_coefficient != 0.0,
        )
        self._make_optimizer = optimizer
        self._lr_schedule = lr_schedule
        self._estimator = estimator
        self._loss = loss
        self._update = update
        self._skipped = SkippedUpdates(most=update.max_skipped_updates)
        self._max_new_tokens = max_new_tokens
        self._ranks: Ranks  # this and the next two are of the started run: on_fit_start
        self._budget: TokenBudget
        self._performance: Performance

    def configure_model(self) -> None:
        """Load policy and reference, whole or sharded; Lightning calls it more than once."""
        if self.policy is not None:
            return
        # With adapters the reference is the policy without them.
        wants_reference = self._loss.beta > 0.0 and not self._adapters
        strategy = self.trainer.strategy
        if not isinstance(strategy, ShardedStrategy):
            self.policy = self._factory.policy()
            self._reference = [self._factory.reference(self.policy)] if wants_reference else []
            return
        sharding, offload = strategy.sharding, strategy.offload
        policy = self._factory.sharded_policy(sharding, offload="optimizer" in offload)
        if wants_reference:
            on_cpu = "reference" in offload
            self._reference = [self._factory.sharded_reference(policy, sharding, offload=on_cpu)]
        self.policy = policy

    def configure_optimizers(self) -> Optimizer:
        """The optimizer over all parameters that are not frozen."""
        trained = [p for p in self._loaded_policy.parameters() if p.requires_grad]
        return with_configured_rates(self._make_optimizer(trained))

    def on_fit_start(self) -> None:
        """Bring the reference to the policy's device, as Lightning does not; measure the policy."""
        if not isinstance(self.trainer.strategy, ShardedStrategy):
            for reference in self._reference:
                reference.to(self.device)
        self._ranks = Ranks(self.trainer, self.device)
        self._budget = TokenBudget(
            tokens=self._update.micro_batch_tokens,
            rows=self._loaded_policy.rows,
            tokens_per_patch=tokens_per_patch(self._loaded_policy.model),
        )
        self._performance = Performance(
            self._loaded_policy.model,
            rows=self._loaded_policy.rows,
            reference=self._loss.beta > 0.0,
            old=not self._update.on_policy,
            num_iterations=self._update.num_iterations,
            device=self._loaded_policy.device,
        )

    def trained_weights(self) -> Iterator[TrainedWeight]:
        """The weights that training changes, under Hugging Face names, for the rollout engine."""
        strategy = self.trainer.strategy
        dtype = None
        if isinstance(strategy, ShardedStrategy):
            dtype = strategy.sharding.compute_dtype
        return trained_weights(self._loaded_policy.model, dtype=dtype)

    def score(self, rollouts: Sequence[Rollout]) -> Tensor:
        """(N,) log-probs of all tokens of some rollouts, under the policy as it is now."""
        batch = build_train_batch(rollouts)
        return self._logps(self._loaded_policy, batch, [(0, len(batch.lengths))])

    def encode_images(self, prompts: Sequence[EncodedPrompt]) -> Sequence[EncodedPrompt]:
        """The prompts, with image features for engine and passes where the tower never changes."""
        scorer = self._loaded_policy
        if scorer.rows != "shared" or not has_constant_tower(scorer.model):
            return prompts
        return with_image_features(scorer.model, prompts, device=scorer.device)

    @property
    def hf_model(self) -> nn.Module:
        """The policy as a Hugging Face model, for export."""
        model: nn.Module = self._loaded_policy.model
        return model

    def training_step(self, batch: StepBatch, batch_idx: int) -> None:
        """Train on the rollouts of one RL step, log its row and advance the clock.

        Reference and old log-probs come first: the scores arrive meanwhile.
        """
        sampled = batch.sampled
        flat = build_train_batch(sampled.rollouts)
        spans = self._micro_batches(flat)
        with batch.timeline.phase("reference"):
            ref = self._reference_logps(flat, spans)
            self._finish_kernels()
        with batch.timeline.phase("old"):
            old = None if self._update.on_policy else self._logps(self._loaded_policy, flat, spans)
            self._finish_kernels()
        with batch.timeline.phase("reward_wait"):
            groups = sampled.scores.collect()
            with together():  # a term of the user's own may fail here too: before the update
                scoring = sampled.scores.metrics()
        flat = with_scores(
            flat,
            groups,
            estimator=self._estimator,
            mask_truncated=self._loss.mask_truncated_completions,
            everywhere=self._ranks.gathered,
        )
        with batch.timeline.phase("update"):
            update = self._train_on(flat, FixedLogProbs(old=old, ref=ref))
        updated = select_sequences(flat, update.computed)
        seconds, world_size = batch.timeline.seconds, self.trainer.world_size
        metrics: Metrics = {
            **reward_metrics(groups),
            **completion_metrics(sampled.rollouts),
            **update.metrics,
            **self._performance.metrics(
                flat, spans, seconds, updated=updated, world_size=world_size
            ),
            **sampled.metrics,
            **scoring,
            **{f"timing_s/{phase}": Mean.of([taken]) for phase, taken in seconds.items()},
        }
        batch.trained = Trained(
            groups=groups,
            advantages=tuple(flat.advantages.tolist()),
            metrics=metrics,
            row=over_ranks(metrics),
        )
        self._log_step(batch.trained.row)
        self.rl_step += 1

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Stop after too many updates that were skipped; the step itself is done and logged."""
        self._skipped.stop_if_too_many()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Save the clock, what was skipped, and the factor that adapters are merged with."""
        checkpoint["rl_step"] = self.rl_step
        checkpoint["skipped_updates"] = self._skipped.in_a_row
        checkpoint["adapter_scaling"] = adapter_scaling(self._loaded_policy.model)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Set the clock to the RL step of the checkpoint; skipped updates count on."""
        self.rl_step = checkpoint["rl_step"]
        self._skipped.in_a_row = checkpoint.get("skipped_updates", 0)

    @property
    def _loaded_policy(self) -> TokenScorer:
        assert self.policy is not None, "configure_model has not run"
        return self.policy

    def _micro_batches(self, batch: TrainBatch) -> list[SequenceSpan]:
        return self._budget.spans(batch, most=self._ranks.largest)

    def _reference_logps(self, batch: TrainBatch, spans: Sequence[SequenceSpan]) -> Tensor | None:
        if self._loss.beta == 0.0:
            return None
        if not self._adapters:
            return self._logps(self._reference[0], batch, spans)
        with adapters_off(self._loaded_policy.model):
            return self._logps(self._loaded_policy, batch, spans)

    @torch.no_grad()
    def _logps(
        self, scorer: TokenScorer, batch: TrainBatch, spans: Sequence[SequenceSpan]
    ) -> Tensor:
        """(N,) log-probs of all tokens by a scorer, without gradients, span by span."""
        return torch.cat([scorer(slice_sequences(batch, *s)).per_token_logps for s in spans])

    def _finish_kernels(self) -> None:
        """Wait for the GPU: a phase ends when its work does. Scoring goes on in threads."""
        if self._loaded_policy.device.type == "cuda":
            torch.cuda.synchronize(self._loaded_policy.device)

    def _train_on(self, batch: TrainBatch, fixed: FixedLogProbs) -> Updated:
        optimizer = self.optimizers()
        assert isinstance(optimizer, Optimizer)
        warmup = min((self.rl_step + 1) / max(self._update.warmup_steps, 1), 1.0)
        rate = set_learning_rate(optimizer, warmup * self._lr_schedule(self.rl_step))
        parameters = list(self._loaded_policy.parameters())
        before = sample_parameters(parameters)
        update = PolicyUpdate(
            self._loaded_policy,
            optimizer,
            loss=self._loss,
            config=self._update,
            max_new_tokens=self._max_new_tokens,
            budget=self._budget,
            backward=self.manual_backward,
            ranks=self._ranks,
        )
        updated = update.run(batch, fixed)
        self._skipped.note(updated.skipped)
        changed = frac_changed(before, sample_parameters(parameters))
        rates = {"lr": Mean.of([rate]), "optim/frac_params_changed": Mean.of([changed])}
        return replace(updated, metrics={**updated.metrics, **rates})

    def _log_step(self, row: Mapping[str, float]) -> None:
        """Give every logger the row of this RL step."""
        for logger in self.loggers:
            logger.log_metrics(dict(row), step=self.rl_step)
        shown: dict[str, float] = {n: row[n] for n in ("reward", "accuracy") if n in row}
        self.log_dict(shown, prog_bar=True, logger=False, batch_size=1)
