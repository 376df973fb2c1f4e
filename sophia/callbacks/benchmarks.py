"""Benchmarks while a run goes on: their figures over the steps, by their own rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

from lightning import Callback, LightningModule, Trainer

from sophia.benchmarks.answering import answered, pieces
from sophia.benchmarks.asked import BenchmarkPrompts
from sophia.benchmarks.grader import BenchmarkGrader
from sophia.benchmarks.summary import summarise
from sophia.callbacks.every import Every
from sophia.evaluation.evaluator import Evaluator
from sophia.failures import together
from sophia.protocols import Clock
from sophia.rollout.sync import WeightSync
from sophia.rollout.weights import WeightSource
from sophia.run.folder import RunFolder
from sophia.run.loggers import CSVMetrics


class _Policy(Clock, WeightSource, Protocol):
    """The module that is trained, as far as the callback needs it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkTrial:
    """One benchmark as a run asks it: the same questions every time.

    Args:
        prompts: its questions.
        places: which of them are asked.
        evaluator: answers them.
        grader: the evaluator's own.
    """

    prompts: BenchmarkPrompts
    places: Sequence[int]
    evaluator: Evaluator
    grader: BenchmarkGrader

    def figures(self) -> dict[str, float]:
        """The figures of the weights that the engine holds, in points, by name."""
        records = []
        for piece in pieces(self.places):
            groups = answered(self.evaluator, self.grader, self.prompts, piece, lambda: None)
            records += [record for group in groups for record in group]
        return {
            f"{self.prompts.name}/{name}": value.value
            for name, value in summarise(self.prompts.benchmark, records).items()
        }


class BenchmarkCallback(Callback):
    """Asks benchmarks before the first RL step, after every ``every_n_steps`` and after the last.

    Rows go to ``benchmarks.csv`` and to the loggers as ``benchmark/NAME/FIGURE``, in points. Every
    process asks all questions, as in validation.

    Args:
        run_dir: the folder of the run.
        benchmarks: what is asked.
        sync: brings the policy's weights to the engine first.
        every_n_steps: RL steps between two rounds.
        num_steps: how many RL steps the run has.
    """

    def __init__(
        self,
        *,
        run_dir: Path,
        benchmarks: Sequence[BenchmarkTrial],
        sync: WeightSync,
        every_n_steps: int,
        num_steps: int,
    ) -> None:
        self._benchmarks = benchmarks
        self._sync = sync
        self._every = Every(n_steps=every_n_steps)
        self._num_steps = num_steps
        self._table = CSVMetrics(RunFolder(path=Path(run_dir)).benchmarks)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Ask what the run starts from; a resumed run has done so."""
        if cast("_Policy", pl_module).rl_step == 0:
            self._ask(trainer, cast("_Policy", pl_module))

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Ask when it is this step's turn."""
        policy = cast("_Policy", pl_module)
        if self._every.due(policy.rl_step) or policy.rl_step == self._num_steps:
            self._ask(trainer, policy)

    def _ask(self, trainer: Trainer, policy: _Policy) -> None:
        if not self._benchmarks:
            return
        self._sync.push_and_prove(policy, rl_step=policy.rl_step)
        figures: dict[str, float] = {}
        with together():
            for trial in self._benchmarks:
                figures |= trial.figures()
        if trainer.is_global_zero:
            self._table.log_metrics(figures, step=policy.rl_step)
        row = {f"benchmark/{name}": value for name, value in figures.items()}
        for logger in trainer.loggers:
            if not isinstance(logger, CSVMetrics):  # benchmarks.csv has them
                logger.log_metrics(row, step=policy.rl_step)
