"""Supervised warm start: learn the form of an answer before learning to be right.

It stops when sampled answers are right often enough, not after a fixed number of steps: too early
leaves nothing to reinforce, too late leaves nothing to learn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR

from sophia.grpo.batch import build_train_batch
from sophia.models.scorer import TokenScorer
from sophia.models.weights import TrainedWeight, trained_weights
from sophia.protocols import RolloutEngine
from sophia.rollout.sync import SyncSettings, WeightSync
from sophia.step import StepBatch
from sophia.types import Completion, GenerationRequest, Prompt, Rollout, SamplingParams

Tokenize = Callable[[str], Sequence[int]]
Grade = Callable[[Prompt, Completion], float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class WarmStartConfig:
    """How the warm start learns, and when it has learnt enough.

    Args:
        learning_rate: AdamW's learning rate once it has risen.
        warmup_steps: steps over which the learning rate rises in a straight line.
        batch_size: demonstrations per step.
        stop_accuracy: it ends when this share of sampled answers to training prompts is right.
        check_from: the first step after which that accuracy is measured.
        check_every: it is measured after steps that are multiples of this.
        check_prompts: how many prompts a measurement asks.
        check_samples: how many answers to each of them it samples.
        max_steps: the most steps; when they are not enough the run does not start.
    """

    learning_rate: float = 2e-3
    warmup_steps: int = 20
    batch_size: int = 32
    stop_accuracy: float = 0.4
    check_from: int = 50
    check_every: int = 5
    check_prompts: int = 128
    check_samples: int = 2
    max_steps: int = 400


def demonstration(prompt: Prompt) -> str:
    """A right response to imitate; only data that was made for it has one."""
    if "example" not in prompt.metadata:
        raise ValueError(
            f"prompt {prompt.uid!r} has no demonstration: the built-in model and the warm start"
            " need data=digits. For rows and a model of your own begin with experiment=mine."
        )
    text: str = prompt.metadata["example"].demonstration
    return text


class SFTModule(LightningModule):
    """Learns demonstrations by cross-entropy, prompt tokens left out."""

    def __init__(self, model: Any, *, tokenize: Tokenize, config: WarmStartConfig) -> None:
        super().__init__()
        self.policy = TokenScorer(model, rows="shared", temperature=1.0)
        self._tokenize = tokenize
        self._config = config

    def training_step(self, batch: StepBatch, batch_idx: int) -> Tensor:
        """Mean negative log-likelihood of the demonstrations' tokens."""
        rollouts = [
            Rollout(prompt=p, encoded=e, completions=(self._demonstration(p),))
            for p, e in zip(batch.prompts, batch.encoded, strict=True)
        ]
        loss = -self.policy(build_train_batch(rollouts)).per_token_logps.mean()
        self.log("loss", loss, prog_bar=True, logger=False, batch_size=len(rollouts))
        return loss  # type: ignore[no-any-return]

    def configure_optimizers(self) -> Any:
        """AdamW with a linear warm-up."""
        optimizer = torch.optim.AdamW(
            self.policy.parameters(), lr=self._config.learning_rate, betas=(0.9, 0.95)
        )
        warmup = max(self._config.warmup_steps, 1)
        schedule = LambdaLR(optimizer, lambda step: min((step + 1) / warmup, 1.0))
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }

    def trained_weights(self) -> Iterator[TrainedWeight]:
        """The weights that training changes, for the engine whose samples tell when to stop."""
        return trained_weights(self.policy.model)

    def _demonstration(self, prompt: Prompt) -> Completion:
        text = demonstration(prompt)
        ids = tuple(self._tokenize(text))
        return Completion(
            text=text,
            token_ids=ids,
            sampling_logps=(0.0,) * len(ids),
            finish_reason="stop",
            seed=0,
        )


class StopAtAccuracy(Callback):
    """Ends the warm start once sampled answers to training prompts are right often enough."""

    def __init__(
        self,
        engine: RolloutEngine,
        requests: Sequence[GenerationRequest],
        *,
        grade: Grade,
        sampling: SamplingParams,
        config: WarmStartConfig,
    ) -> None:
        self.accuracy = 0.0
        self._engine = engine
        self._sync = WeightSync(engine, SyncSettings(), seed=0)
        self._requests = requests
        self._grade = grade
        self._sampling = sampling
        self._config = config

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Sample and grade when it is this step's turn; stop the trainer once that is enough."""
        done = batch_idx + 1
        if done < self._config.check_from or done % self._config.check_every:
            return
        assert isinstance(pl_module, SFTModule)
        self._sync.push_and_prove(pl_module, rl_step=done)
        self.accuracy = self._sampled_accuracy()
        pl_module.log("sampled_accuracy", self.accuracy, prog_bar=True, logger=False, batch_size=1)
        trainer.should_stop = self.accuracy >= self._config.stop_accuracy

    def _sampled_accuracy(self) -> float:
        return fmean(
            self._grade(rollout.prompt, completion) or 0.0
            for _, rollout in self._engine.generate(self._requests, self._sampling)
            for completion in rollout.completions
        )


def learn_by_example(
    module: SFTModule,
    steps: Iterable[StepBatch],
    *,
    stop: StopAtAccuracy,
    config: WarmStartConfig,
    accelerator: str,
    progress: Callback,
) -> float:
    """Train until ``stop`` says so; returns the sampled accuracy that was reached.

    Raises:
        ValueError: it was not reached in ``config.max_steps`` steps.
    """
    trainer = Trainer(
        accelerator=accelerator,
        devices=1,
        max_epochs=1,
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        gradient_clip_val=1.0,
        callbacks=[stop, progress],
    )
    trainer.fit(module, steps)
    if stop.accuracy < config.stop_accuracy:
        raise ValueError(
            f"the warm start reached a sampled accuracy of {stop.accuracy:.2f} in"
            f" {config.max_steps} steps, not warm_start.stop_accuracy={config.stop_accuracy}."
            " Raise warm_start.max_steps, or try another seed."
        )
    return stop.accuracy
