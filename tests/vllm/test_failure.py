"""An engine that fails ends the run with a message and a checkpoint to go on from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from sophia.callbacks.checkpoint import CheckpointCallback
from sophia.callbacks.rollout import RolloutCallback
from sophia.data.digits import DigitsDataset
from sophia.data.encode import PromptEncoder
from sophia.failures import EngineFailed
from sophia.rollout.sync import SyncSettings, WeightSync
from sophia.rollout.vllm.engine import VLLMEngine
from sophia.rollout.vllm.watchdog import Patience
from sophia.run.checkpoint import list_checkpoints
from sophia.types import SamplingParams
from tests.builders import generated
from tests.short_run import SAMPLING, Run
from tests.vllm.conftest import make_engine
from tests.vllm.test_generate import requests


def test_too_slow_a_step_is_cancelled_with_a_message(
    folder: Path, vllm_encoder: PromptEncoder, digits: DigitsDataset
) -> None:
    engine = make_engine(folder, patience=Patience(step_s=60.0, generate_s=1e-6))
    asked = requests(vllm_encoder, digits)
    with pytest.raises(EngineFailed, match=r"24 completions were not finished; at most 1e-06 s"):
        generated(engine, asked, SamplingParams(max_new_tokens=100))
    engine._patience = Patience(step_s=60.0, generate_s=60.0)
    assert len(generated(engine, asked, SAMPLING)) == len(asked)  # nothing was left behind


class DyingEngine(VLLMEngine):
    """Forgets to reset one cache at its third push, over which vLLM itself dies."""

    def _forget(self, llm: object) -> None:
        if self.weights_version == 2:
            llm.reset_prefix_cache()  # type: ignore[attr-defined]
        else:
            super()._forget(llm)


def vllm_run(folder: Path, run_dir: Path, engine: VLLMEngine, extra: Sequence[str] = ()) -> Run:
    checkpoint = CheckpointCallback(run_dir=run_dir, every_n_steps=100, num_steps=4, keep_last=9)
    run = Run(folder, num_steps=4, callbacks=[checkpoint])
    run.callbacks[0] = RolloutCallback(
        engine=engine,
        composer=run.composer,
        sampling=SAMPLING,
        num_generations=4,
        seed=0,
        sync=WeightSync(engine, SyncSettings(canary=False, probe_every_n_steps=0), seed=0),
    )
    return run


def test_a_dead_engine_leaves_a_checkpoint_that_resumes(folder: Path, tmp_path: Path) -> None:
    whole = vllm_run(folder, tmp_path / "whole", make_engine(folder)).fit()
    dying = make_engine(folder, kind=DyingEngine)
    broken = vllm_run(folder, tmp_path / "broken", dying)
    # The prompts of the step are seen once more, so that the encoder's cache is asked for them.
    first = broken.data
    with pytest.raises(EngineFailed, match="vLLM failed: RuntimeError: Encoder cache miss"):
        broken.fit()
    assert first is broken.data
    (_, path), *_ = reversed(list_checkpoints(tmp_path / "broken" / "checkpoints"))
    again = vllm_run(folder, tmp_path / "again", make_engine(folder)).fit(ckpt_path=path)
    for name, value in whole.weights.items():
        torch.testing.assert_close(again.weights[name], value, atol=1e-6, rtol=0)
