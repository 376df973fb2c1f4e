"""A training run of a few steps, put together as the command line does, but by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.loggers.logger import Logger

from sophia.callbacks.rollout import RolloutCallback
from sophia.data.datamodule import StepDataModule
from sophia.data.digits import DigitsDataset
from sophia.data.encode import PromptEncoder
from sophia.grpo.estimators.group import GroupAdvantages
from sophia.grpo.loss import LossConfig
from sophia.models.load import ModelLoader
from sophia.protocols import ThinkingJudge
from sophia.rewards.checkers.verdict import Verdict
from sophia.rewards.composer import RewardComposer
from sophia.rewards.digits_judge import DigitsJudge
from sophia.rewards.format import FormatRule
from sophia.rewards.outcome import OutcomeReward
from sophia.rewards.thinking import JudgeAll
from sophia.rollout.sync import SyncSettings, WeightSync
from sophia.rollout.transformers.engine import TransformersEngine
from sophia.run.checkpoint import checkpoint_path
from sophia.schedules import Constant, Schedule
from sophia.training.checkpoint_io import AtomicCheckpointIO
from sophia.training.grpo_module import GRPOModule
from sophia.training.update import UpdateConfig
from sophia.types import Completion, Prompt, SamplingParams

LIGHTNINGS_REMARKS = pytest.mark.filterwarnings(
    "ignore:.*does not have many workers",
    "ignore:.*module\\(s\\) in eval mode",
    "ignore:.*treespec, LeafSpec",
)
"""For tests that fit: what Lightning says about every short run."""

SAMPLING = SamplingParams(max_new_tokens=10)
NO_CANARY = SyncSettings(canary=False)
"""For runs about something else: the canary's pushes take longer than a step of this size."""


class RowsLogger(Logger):
    """Keeps what was logged."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[dict[str, float]] = []

    @property
    def name(self) -> str:
        return "rows"

    @property
    def version(self) -> str:
        return ""

    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        return None

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        assert step is not None
        timeless = {k: v for k, v in metrics.items() if not k.startswith(("timing_s/", "perf/"))}
        self.rows.append({"rl_step": step, **timeless})


class LetterShare(OutcomeReward):
    """A reward that random weights can have some of: the share of lower-case letters."""

    def verdict(self, prompt: Prompt, completion: Completion) -> Verdict:
        text = completion.text
        return Verdict(score=sum(c.islower() for c in text) / max(len(text), 1))


class EqualOn(LetterShare):
    """Gives some prompts of the data, by their indices, the same for every completion."""

    def __init__(self, indices: Iterable[int]) -> None:
        super().__init__()
        data = DigitsDataset(split="train", num_prompts=40, seed=0)
        self._uids = {data[index].uid for index in indices}

    def verdict(self, prompt: Prompt, completion: Completion) -> Verdict:
        return (
            Verdict(score=0.5) if prompt.uid in self._uids else super().verdict(prompt, completion)
        )


class AnyFormat(FormatRule):
    """Random weights know no format."""

    def __call__(self, text: str) -> bool:
        return True


class SaveAfter(Callback):
    """Writes one checkpoint."""

    def __init__(self, step: int, folder: Path) -> None:
        self._step = step
        self._folder = folder

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        if batch_idx + 1 == self._step:
            path = checkpoint_path(self._folder, self._step)
            trainer.save_checkpoint(path, weights_only=False)


def module(folder: Path, **overrides: Any) -> GRPOModule:
    """A GRPO module on this checkpoint."""
    values: dict[str, Any] = {
        "model": ModelLoader(path=str(folder)),
        "policy_folder": folder,
        "optimizer": partial(torch.optim.AdamW, lr=1e-3),
        "lr_schedule": Constant(value=1.0),
        "estimator": GroupAdvantages(),
        "loss": LossConfig(beta=0.04),
        "update": UpdateConfig(micro_batch_tokens=120),
        "temperature": SAMPLING.temperature,
        "max_new_tokens": SAMPLING.max_new_tokens,
        "rows": "shared",
    }
    return GRPOModule(**{**values, **overrides})


class Run:
    """Module, data, callbacks and loggers of a short run; ``fit`` may be called to resume."""

    def __init__(
        self,
        folder: Path,
        *,
        num_steps: int = 3,
        outcome: OutcomeReward | None = None,
        format: FormatRule | None = None,
        annealing: Schedule | None = None,
        callbacks: Sequence[Callback] = (),
        engine: type[TransformersEngine] = TransformersEngine,
        sync: SyncSettings | None = None,
        **overrides: Any,
    ) -> None:
        encoder = PromptEncoder(folder)
        self.logger = RowsLogger()
        self.module = module(folder, **overrides)
        self.data = StepDataModule(
            train=DigitsDataset(split="train", num_prompts=40, seed=0),
            heldout=DigitsDataset(split="heldout", num_prompts=4, seed=0),
            encoder=encoder,
            num_steps=num_steps,
            prompts_per_step=4,
            seed=0,
            num_workers=0,
        )
        self.engine = engine(
            policy_folder=folder,
            decode=encoder.decode,
            media_token_ids=encoder.media_token_ids,
            device="cpu",
            max_batch_size=64,
        )
        self.sync = WeightSync(self.engine, sync or NO_CANARY, seed=0)
        self._annealing = annealing or Constant(value=0.3)
        self._outcome = outcome or LetterShare()
        self._format = format or AnyFormat()
        self._other_callbacks = list(callbacks)
        self.judge_by(None)

    def judge_by(self, judge: ThinkingJudge | None) -> None:
        """Let a judge score the thinking; None: nobody does."""
        self.composer = RewardComposer(
            annealing=self._annealing,
            judge=judge or DigitsJudge(),
            outcome=self._outcome,
            format=self._format,
            format_mode="gate",
            format_weight=0.0,
            thinking=JudgeAll() if judge else None,
            trust=False,
            extra={},
        )
        rollouts = RolloutCallback(
            engine=self.engine,
            composer=self.composer,
            sampling=SAMPLING,
            num_generations=4,
            seed=0,
            sync=self.sync,
        )
        self.callbacks = [rollouts, *self._other_callbacks]

    def fit(self, *, ckpt_path: Path | None = None, **trainer: Any) -> Run:
        """Train; returns itself."""
        settings: dict[str, Any] = {
            "accelerator": "cpu",
            "devices": 1,
            "max_epochs": 1,
            "logger": [self.logger],
            "callbacks": self.callbacks,
            "plugins": [AtomicCheckpointIO()],
            "enable_checkpointing": False,
            "enable_progress_bar": False,
            "enable_model_summary": False,
            "use_distributed_sampler": False,
            "log_every_n_steps": 1,
        }
        self.trainer = Trainer(**{**settings, **trainer})
        self.trainer.fit(self.module, self.data, ckpt_path=ckpt_path, weights_only=True)
        self.composer.close()
        return self

    @property
    def weights(self) -> dict[str, torch.Tensor]:
        """The policy's weights by Hugging Face name."""
        return {n: p.detach().clone() for n, p in self.module.hf_model.named_parameters()}
