"""One process of a sharded training run; see tests/processes.py."""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.strategies import DDPStrategy
from torch import Tensor

from sophia.callbacks.checkpoint import CheckpointCallback
from sophia.callbacks.stop_signal import StopSignalCallback
from sophia.chat.failure import ServerDown
from sophia.data.datamodule import StepPlan
from sophia.data.digits import DigitsDataset
from sophia.failures import EngineFailed, RunStopped
from sophia.grpo.estimators.group import GroupAdvantages
from sophia.grpo.estimators.own import OwnAdvantages
from sophia.grpo.loss import LossConfig
from sophia.grpo.losses.clipped import Clipped
from sophia.grpo.losses.own import OwnPolicyLoss
from sophia.models.load import ModelLoader
from sophia.models.lora import LoRA
from sophia.models.sharding import local
from sophia.models.shared_rows import shared_rows
from sophia.models.weights import all_weights
from sophia.protocols import JudgeStep
from sophia.rewards.custom import CustomReward
from sophia.rewards.digits_judge import DigitsJudge
from sophia.rollout.sync import SyncSettings
from sophia.rollout.transformers.engine import TransformersEngine
from sophia.run.checkpoint import checkpoint_path
from sophia.schedules import Constant, Linear
from sophia.training.grpo_module import GRPOModule
from sophia.training.strategy import ShardedStrategy
from sophia.training.update import UpdateConfig
from sophia.types import (
    GenerationRequest,
    Message,
    Prompt,
    Rollout,
    SamplingParams,
    TrainBatch,
    WeightSample,
)
from tests.processes import stopped_path
from tests.short_run import EqualOn, Run, SaveAfter

RANK = int(os.environ.get("RANK", "0"))
OPTIMIZERS: dict[str, Any] = {
    "sgd": partial(torch.optim.SGD, lr=1.0),
    "adamw": partial(torch.optim.AdamW, lr=1e-3),
}


class TextOnly(DigitsDataset):
    """Some prompts have lost their image."""

    def __init__(self, indices: set[int]) -> None:
        super().__init__(split="train", num_prompts=40, seed=0)
        self._indices = indices

    def __getitem__(self, index: int) -> Prompt:
        prompt = super().__getitem__(index)
        if index not in self._indices:
            return prompt
        message = Message(role="user", content=(f"{prompt.question} {index}",))
        return Prompt(
            uid=prompt.uid,
            messages=(message,),
            answer=prompt.answer,
            problem_type=prompt.problem_type,
            metadata=prompt.metadata,
        )


def second_ranks_prompts(num_steps: int) -> set[int]:
    """What the second of two processes gets."""
    plan = StepPlan(num_prompts=40, prompts_per_step=4, seed=0)
    return {i for step in range(num_steps) for i in plan.indices(step, rank=1, world_size=2)}


class PoisonSecond(Callback):
    """Makes the loss of one step infinite on the second process."""

    def __init__(self, step: int) -> None:
        self._step = step

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        if trainer.global_rank != 1 or batch_idx != self._step:
            return
        assert isinstance(pl_module, GRPOModule)
        model: Any = pl_module.hf_model
        norm = model.model.language_model.norm
        norm.register_forward_hook(lambda module, inputs, output: output * float("nan"))


class JudgeThatGoesDown(DigitsJudge):
    """Is down from some step on."""

    def __init__(self, step: int) -> None:
        self._steps_left = step

    def open_step(self) -> JudgeStep:
        if self._steps_left == 0:
            raise ServerDown("the judge of this process is down")
        self._steps_left -= 1
        return super().open_step()


class EngineThatDies(TransformersEngine):
    """In the second step, at what ``dies_at`` says; probes, which are one request, do not count."""

    dies_at = "rollout"
    _rollouts = 0

    def load_weights(self, weights: Iterable[tuple[str, Tensor]]) -> int:
        def some() -> Iterator[tuple[str, Tensor]]:
            for place, weight in enumerate(weights):
                if place == 3:
                    self._die_at("push")
                yield weight

        return super().load_weights(some())

    def read_weights(self, samples: Sequence[WeightSample]) -> list[Tensor]:
        self._die_at("read-back")
        return super().read_weights(samples)

    def generate(
        self, requests: Sequence[GenerationRequest], sampling: SamplingParams
    ) -> Iterator[tuple[int, Rollout]]:
        if len(requests) > 1:
            self._die_at("rollout")
            self._rollouts += 1
        return super().generate(requests, sampling)

    def _die_at(self, place: str) -> None:
        if self._rollouts == 1 and self.dies_at == place:
            raise EngineFailed("the engine of this process is dead")


class SayStarted(Callback):
    """Writes a file when the first step is done."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        self._path.touch()


def callbacks(case: dict[str, Any]) -> list[Callback]:
    """Those that a case asks for."""
    found: list[Callback] = []
    if "run_dir" in case:
        every, steps = case.get("save_every", 1000), case["num_steps"]
        found.append(
            CheckpointCallback(
                run_dir=Path(case["run_dir"]), every_n_steps=every, num_steps=steps, keep_last=2
            )
        )
    if "without_guard" in case:
        found.append(WithoutGuard(case["without_guard"]))
    if "started" in case:
        found += [
            StopSignalCallback(run_dir=Path(case["run_dir"])),
            SayStarted(Path(case["started"])),
        ]
    if "save_after" in case:
        found.append(SaveAfter(case["save_after"], Path(case["checkpoints"])))
    if "poison_on_second" in case:
        found.append(PoisonSecond(case["poison_on_second"]))
    return found


class TowerHidden:
    """The body of a model for which nobody asks whether there is a tower."""

    def __init__(self, body: Any) -> None:
        self._body = body

    def __call__(self, **inputs: Any) -> Any:
        return self._body(**inputs)

    def __getattr__(self, name: str) -> Any:
        if name == "visual":
            raise AttributeError(name)
        return getattr(self._body, name)


class Unguarded:
    """Rows that leave the tower out where there are no images."""

    def __init__(self, batch: TrainBatch, *, device: torch.device) -> None:
        self._rows = shared_rows(batch, device=device)

    def hidden(self, model: Any) -> torch.Tensor:
        blind = SimpleNamespace(model=TowerHidden(model.model), config=model.config)
        return self._rows.hidden(blind)


class WithoutGuard(Callback):
    """Lets the policy or the reference use such rows."""

    def __init__(self, which: str) -> None:
        self._which = which

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, GRPOModule)
        scorer = pl_module.policy if self._which == "policy" else pl_module._reference[0]
        assert scorer is not None
        scorer._rows = Unguarded


def make_run(case: dict[str, Any]) -> Run:
    """The run that a case describes."""
    steps = case.get("num_steps", 1)
    loader = ModelLoader(
        path=case["folder"],
        freeze=tuple(case.get("freeze", ())),
        gradient_checkpointing=case.get("gradient_checkpointing", False),
        dtype=case.get("dtype", "float32"),
        lora=LoRA(rank=4, alpha=8) if case.get("lora") else None,
    )
    run = Run(
        Path(case["folder"]),
        num_steps=steps,
        model=loader,
        rows=case.get("rows", "shared"),
        update=UpdateConfig(micro_batch_tokens=case.get("micro_batch_tokens", 80)),
        estimator=OwnAdvantages(case["estimator"]) if "estimator" in case else GroupAdvantages(),
        loss=LossConfig(
            beta=case.get("beta", 0.04),
            policy=OwnPolicyLoss(case["policy"]) if "policy" in case else Clipped(),
        ),
        outcome=EqualOn(case["equal_on"]) if "equal_on" in case else None,
        optimizer=OPTIMIZERS[case.get("optimizer", "sgd")],
        lr_schedule=Linear(start=1.0, end=0.0, decay_steps=steps)
        if case.get("decay")
        else Constant(value=1.0),
        callbacks=callbacks(case),
        engine=EngineThatDies
        if "engine_dies_on_second" in case and RANK == 1
        else TransformersEngine,
        sync=SyncSettings(bucket_mib=1, canary=case.get("canary", False)),
    )
    if isinstance(run.engine, EngineThatDies):
        run.engine.dies_at = case["engine_dies_on_second"]
    if "judge_down_on_second" in case and RANK == 1:
        run.judge_by(JudgeThatGoesDown(case["judge_down_on_second"]))
    if "reward" in case:
        run.composer.extra["mine"] = CustomReward(case["reward"], weight=1.0, signature="trl")
    if case.get("text_only"):
        run.data.train = TextOnly(set(range(40)))
    if case.get("fewer_on_second") and RANK == 1:
        run.data.train = DigitsDataset(split="train", num_prompts=39, seed=0)
    if case.get("text_only_on_second"):
        run.data.train = TextOnly(second_ranks_prompts(steps))
    return run


def held_bytes(run: Run) -> dict[str, int]:
    """What lies in this process, by what it is for."""
    scorer = run.module.policy
    assert scorer is not None
    models = {"policy": [scorer], "reference": run.module._reference}
    held = {
        name: sum(local(p).nbytes for scorer in scorers for p in scorer.parameters())
        for name, scorers in models.items()
    }
    moments = [v for state in run.trainer.optimizers[0].state.values() for v in state.values()]
    held["optimizer"] = sum(local(v).nbytes for v in moments if isinstance(v, torch.Tensor))
    return held


def main() -> None:
    """Train as a case says, or as each of its ``cases`` in turn."""
    warnings.simplefilter("ignore")
    whole = json.loads(sys.argv[1])
    for case in whole.pop("cases", [{}]):
        train({**whole, **case})


def train(case: dict[str, Any]) -> None:
    """Train, then write what came out."""
    run = make_run(case)
    strategy: Any = ShardedStrategy(**{"compute_dtype": "float32", **case.get("strategy", {})})
    if case.get("copies"):
        strategy = DDPStrategy(timeout=timedelta(seconds=case.get("timeout_s", 100)))
    resume = (
        checkpoint_path(Path(case["checkpoints"]), case["resume"]) if "resume" in case else None
    )
    try:
        run.fit(strategy=strategy, devices=case["world_size"], ckpt_path=resume)
    except (RunStopped, ValueError) as stopped:
        stopped_path(Path(case["out"]), RANK).write_text(str(stopped))
        return
    weights = dict(all_weights(run.module.hf_model))
    if run.trainer.is_global_zero:
        held = held_bytes(run)
        torch.save({"weights": weights, "rows": run.logger.rows, "bytes": held}, case["out"])


if __name__ == "__main__":
    main()
