"""Greedy answers to a few validation prompts while the run goes on: best policy, early stop."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Protocol, cast

from lightning import Callback, LightningModule, Trainer

from sophia.callbacks.every import Every
from sophia.data.prompts import PromptDataset
from sophia.evaluation.compare import point_figures
from sophia.evaluation.evaluator import Evaluator
from sophia.failures import together
from sophia.protocols import Clock
from sophia.rollout.sync import WeightSync
from sophia.rollout.weights import WeightSource
from sophia.run.checkpoint import checkpoint_path, list_checkpoints, remove_checkpoint
from sophia.run.folder import RunFolder
from sophia.run.loggers import CSVMetrics
from sophia.run.metrics_file import read_metrics

Figure = Literal["accuracy", "thinking", "format"]


class _Policy(Clock, WeightSource, Protocol):
    """The module that is trained, as far as the callback needs it."""


class ValidationCallback(Callback):
    """Validates before the first RL step and after every ``every_n_steps``.

    Rows go to ``validation.csv`` (``rl_step`` counts the steps behind the policy) and to the
    loggers as ``validation/*``. Must stand before the checkpoint callback, so that a checkpoint
    knows of the validation at its step. All processes take part; the first one's figures decide.

    Args:
        run_dir: the folder of the run.
        validation_prompts: the questions that are asked; they are not among those of training.
        evaluator: answers them greedily and grades the answers.
        sync: brings the policy's weights to the evaluator's engine first.
        every_n_steps: RL steps between two validations.
        num_steps: how many RL steps the run has; the policy after the last is always validated.
        metric: the figure whose highest value makes the best policy; early stopping watches it.
        save_best: whether the weights of the best policy are kept in ``best/``.
        patience: validations without a new best after which the run stops; None: never.
        min_improvement: how far the figure must rise above the best for a new best.
    """

    def __init__(  # noqa: PLR0913  (one argument per key of configs/callbacks/default.yaml)
        self,
        *,
        run_dir: Path,
        validation_prompts: PromptDataset,
        evaluator: Evaluator,
        sync: WeightSync,
        every_n_steps: int,
        num_steps: int,
        metric: Figure = "accuracy",
        save_best: bool = True,
        patience: int | None = None,
        min_improvement: float = 0.0,
    ) -> None:
        if patience is not None and patience < 1:
            raise ValueError(
                f"patience is {patience}; it must be at least 1 (null: never stop early)."
            )
        self._folder = RunFolder(path=Path(run_dir))
        self._prompts = validation_prompts
        self._evaluator = evaluator
        self._sync = sync
        self._every = Every(n_steps=every_n_steps)
        self._num_steps = num_steps
        self._metric = metric
        self._save_best = save_best
        self._patience = patience
        self._min_improvement = min_improvement
        self._table = CSVMetrics(self._folder.validation)
        self.best = -math.inf
        self.best_step = -1
        self.without_improvement = 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Validate what the run starts from; a resumed run repeats its last row to the loggers."""
        done = cast("_Policy", pl_module).rl_step
        if done == 0:
            self._validate(trainer, pl_module)
            return
        for row in read_metrics(self._folder.validation):
            if row["rl_step"] == str(done):
                self._log(trainer, {k: float(v) for k, v in row.items() if k != "rl_step"}, done)
        self._stop_when_due(trainer)

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Validate when it is this step's turn, and stop the run when patience is out."""
        done = cast("_Policy", pl_module).rl_step
        if self._every.due(done) or done == self._num_steps:
            self._validate(trainer, pl_module)
            self._stop_when_due(trainer)

    def state_dict(self) -> dict[str, Any]:
        """The best so far, which belongs to a checkpoint."""
        return {
            "best": self.best,
            "best_step": self.best_step,
            "without_improvement": self.without_improvement,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on with the best so far."""
        self.best = state_dict["best"]
        self.best_step = state_dict["best_step"]
        self.without_improvement = state_dict["without_improvement"]

    def _validate(self, trainer: Trainer, pl_module: LightningModule) -> None:
        policy = cast("_Policy", pl_module)
        self._sync.push_and_prove(policy, rl_step=policy.rl_step)
        with together():
            records = self._evaluator.evaluate(self._prompts, description=None)
        figures = point_figures(records)
        mine = {name: value for name, value in figures.items() if not math.isnan(value)}
        known: dict[str, float] = trainer.strategy.broadcast(mine)  # so that all decide alike
        if trainer.is_global_zero:
            self._table.log_metrics(known, step=policy.rl_step)
        self._log(trainer, known, policy.rl_step)
        self._compare(trainer, known.get(self._metric, -math.inf), policy.rl_step)

    def _log(self, trainer: Trainer, figures: Mapping[str, float], done: int) -> None:
        row = {f"validation/{name}": value for name, value in figures.items()}
        for logger in trainer.loggers:
            if not isinstance(logger, CSVMetrics):  # validation.csv has them
                logger.log_metrics(row, step=done)

    def _compare(self, trainer: Trainer, value: float, done: int) -> None:
        if value <= self.best + self._min_improvement:
            self.without_improvement += 1
            return
        self.best, self.best_step, self.without_improvement = value, done, 0
        if self._save_best:
            self._keep(trainer, done)

    def _keep(self, trainer: Trainer, done: int) -> None:
        folder = self._folder.best
        trainer.save_checkpoint(checkpoint_path(folder, done), weights_only=True)
        if trainer.is_global_zero:
            for step, path in list_checkpoints(folder):
                if step != done:
                    remove_checkpoint(path)

    def _stop_when_due(self, trainer: Trainer) -> None:
        if self._patience is not None and self.without_improvement >= self._patience:
            trainer.should_stop = True
