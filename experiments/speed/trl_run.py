"""A few steps of TRL's GRPOTrainer, timed. Runs in TRL's environment, which has no sophia.

    python -m experiments.speed.trl_run SHAPE SETTING FOLDER

Phases are timed by overriding the trainer's methods around their own code; nothing is patched.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset, Image, Sequence
from transformers import AutoTokenizer, TrainerCallback
from trl import GRPOConfig, GRPOTrainer

from experiments.speed.reward import of_completions
from experiments.speed.shapes import (
    BETA,
    LEARNING_RATE,
    MAX_GRAD_NORM,
    NUM_GENERATIONS,
    SHAPES,
    STUDY,
    WEIGHT_DECAY,
    Shape,
)
from experiments.speed.step_log import StepLog, StepRow, peak_bytes
from experiments.speed.systems import TRL_SETTINGS, Setting

MEDIA_TOKENS = (
    "<|image_pad|>", "<|video_pad|>", "<|vision_pad|>", "<|vision_start|>", "<|vision_end|>",
)  # fmt: skip


class TimedTrainer(GRPOTrainer):  # type: ignore[misc]
    """Keeps the seconds of each phase and the tokens of the current step."""

    def __init__(self, **arguments: Any) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.tokens = 0, 0
        super().__init__(**arguments)

    @contextlib.contextmanager
    def timed(self, phase: str) -> Iterator[None]:
        begin = time.perf_counter()
        yield
        self.seconds[phase] += time.perf_counter() - begin

    def _generate(self, prompts: list[Any]) -> Any:
        result = super()._generate(prompts)
        self.tokens = sum(map(len, result[0])), sum(map(len, result[1]))
        return result

    def _generate_single_turn(self, *args: Any, **kwargs: Any) -> Any:
        with self.timed("rollout"):
            return super()._generate_single_turn(*args, **kwargs)

    def _get_per_token_logps_and_entropies(self, *args: Any, **kwargs: Any) -> Any:
        phase = "policy forward" if torch.is_grad_enabled() else "reference"
        with self.timed(phase):
            return super()._get_per_token_logps_and_entropies(*args, **kwargs)

    def _prepare_inputs(self, generation_batch: Any) -> Any:
        with self.timed("prepare"):
            return super()._prepare_inputs(generation_batch)

    def training_step(self, *args: Any, **kwargs: Any) -> Any:
        with self.timed("training step"):
            result = super().training_step(*args, **kwargs)
        self.left_at = time.perf_counter()
        return result


class Recorder(TrainerCallback):  # type: ignore[misc]
    """Writes a row per step, after TRL has logged the same step."""

    def __init__(self, log: StepLog, completions: int) -> None:
        self._log = log
        self._completions = completions
        self.trainer: TimedTrainer

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        self._log.start()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        trainer = self.trainer
        trainer.seconds["optimizer"] += time.perf_counter() - trainer.left_at
        self._step = self._log.end_step()

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        if "completions/mean_length" not in logs:
            return
        seconds = self.trainer.seconds
        prompt_tokens, completion_tokens = self.trainer.tokens
        assert logs["completions/mean_length"] * self._completions == completion_tokens
        self._log.write(
            StepRow(
                rollout_s=seconds["rollout"],
                reference_s=seconds["reference"],
                update_s=seconds["training step"] - seconds["prepare"] + seconds["optimizer"],
                step_s=self._step.wall_s,
                step_cpu_s=self._step.cpu_s,
                prompt_tokens=prompt_tokens,
                completion_tokens=completion_tokens,
                peak_bytes=peak_bytes(),
            )
        )
        seconds.clear()


def main() -> None:
    shape, setting, folder = SHAPES[sys.argv[1]], TRL_SETTINGS[sys.argv[2]], Path(sys.argv[3])
    folder.mkdir(parents=True, exist_ok=True)
    recorder = Recorder(StepLog(folder / "steps.csv"), shape.completions)
    trainer = TimedTrainer(
        model=str(STUDY / "model"),
        reward_funcs=of_completions,
        args=arguments(shape, setting, folder),
        train_dataset=prompts(STUDY / "rows" / sys.argv[1]),
        callbacks=[recorder],
    )
    recorder.trainer = trainer
    trainer.train()


def prompts(folder: Path) -> Dataset:
    """As TRL's documentation gives prompts with images."""
    rows = [json.loads(line) for line in (folder / "rows.jsonl").read_text().splitlines()]
    columns = [
        {
            "prompt": [{"role": "user", "content": row["problem"]}],
            "images": [str(folder / row["images"])],
        }
        for row in rows
    ]
    return Dataset.from_list(columns).cast_column("images", Sequence(Image()))


def arguments(shape: Shape, setting: Setting, folder: Path) -> GRPOConfig:
    """What the comparison fixes, and what the setting changes."""
    tokenizer = AutoTokenizer.from_pretrained(STUDY / "model")
    return GRPOConfig(
        output_dir=str(folder),
        per_device_train_batch_size=shape.completions // setting.micro_batches,
        gradient_accumulation_steps=setting.micro_batches,
        num_generations=NUM_GENERATIONS,
        max_completion_length=shape.response_tokens,
        generation_kwargs={
            "min_new_tokens": shape.response_tokens,
            "suppress_tokens": tokenizer.convert_tokens_to_ids(MEDIA_TOKENS),
        },
        temperature=1.0,
        beta=BETA,
        num_iterations=1,
        learning_rate=LEARNING_RATE,
        lr_scheduler_type="constant",
        weight_decay=WEIGHT_DECAY,
        max_grad_norm=MAX_GRAD_NORM,
        max_steps=shape.steps,
        shuffle_dataset=False,
        gradient_checkpointing=False,
        bf16=False,
        use_cpu=True,
        logging_steps=1,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        **json.loads(setting.arguments),
    )


if __name__ == "__main__":
    main()
