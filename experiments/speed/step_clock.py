"""What one step of sophia took, as a callback of the run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lightning import Callback, LightningModule, Trainer

from experiments.speed.step_log import StepLog, StepRow, peak_bytes
from sophia.step import StepBatch


class StepClock(Callback):
    """Writes ``steps.csv`` from the phases that the step itself has timed."""

    def __init__(self, *, run_dir: Path) -> None:
        self._log = StepLog(Path(run_dir) / "steps.csv")

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """The first step begins."""
        self._log.start()

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: StepBatch,
        batch_idx: int,
    ) -> None:
        """A step has ended."""
        timings, step = batch.timeline.seconds, self._log.end_step()
        lengths = [
            (len(rollout.encoded.prompt_ids), len(completion.token_ids))
            for rollout in batch.sampled.rollouts
            for completion in rollout.completions
        ]
        self._log.write(
            StepRow(
                rollout_s=timings["rollout"],
                reference_s=timings["reference"] + timings["old"],
                update_s=timings["update"],
                step_s=step.wall_s,
                step_cpu_s=step.cpu_s,
                prompt_tokens=sum(prompt for prompt, _ in lengths),
                completion_tokens=sum(completion for _, completion in lengths),
                peak_bytes=peak_bytes(),
            )
        )
