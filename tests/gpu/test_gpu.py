"""What only a GPU can show. Not run yet: no GPU was at hand."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import torch

from sophia.grpo.estimators.own import OwnAdvantages
from sophia.grpo.loss import LossConfig
from sophia.models.load import ModelLoader
from sophia.models.weights import all_weights
from sophia.training.strategy import ShardedStrategy
from sophia.training.update import UpdateConfig
from tests.short_run import EqualOn, Run

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU"),
    pytest.mark.filterwarnings("ignore"),
]


def test_a_sharded_step_in_bfloat16_on_one_gpu(tiny_folder: Path) -> None:
    loader = ModelLoader(path="here", gradient_checkpointing=True)
    optimizer = partial(torch.optim.AdamW, lr=1e-3, fused=True)
    run = Run(tiny_folder, num_steps=3, model=loader, optimizer=optimizer)
    run.fit(accelerator="gpu", strategy=ShardedStrategy())
    first = run.logger.rows[0]
    assert first["kl"] == 0.0
    assert first["sampling/sampling_logp_difference/mean"] < 0.05
    assert first["optim/frac_params_changed"] > 0.9


def test_offloading_gives_the_same_update(tiny_folder: Path) -> None:
    weights = []
    for offload in ((), ("optimizer", "reference")):
        run = Run(tiny_folder, num_steps=1, optimizer=partial(torch.optim.SGD, lr=1.0))
        strategy = ShardedStrategy(compute_dtype="float32", offload=offload)
        run.fit(accelerator="gpu", strategy=strategy)
        weights.append(dict(all_weights(run.module.hf_model)))
    for name, value in weights[0].items():
        torch.testing.assert_close(weights[1][name], value, atol=1e-4, rtol=1e-3)


CENTRED = """
def centred(scores, *, everywhere):
    return scores.totals - everywhere(scores.totals).mean()
"""


def test_an_estimator_of_ones_own_sees_all_processes_where_its_scores_are(
    tiny_folder: Path, tmp_path: Path
) -> None:
    source = tmp_path / "mine.py"
    source.write_text(CENTRED)
    run = Run(tiny_folder, num_steps=1, estimator=OwnAdvantages(f"{source}:centred"))
    assert run.fit(accelerator="gpu").logger.rows[0]["grad_norm"] > 0.0


def test_completions_are_left_out_on_a_gpu_too(tiny_folder: Path) -> None:
    update = UpdateConfig(micro_batch_tokens=120, optimizer_steps_per_rollout=2)
    rows = {}
    for accelerator in ("cpu", "gpu"):
        run = Run(
            tiny_folder, num_steps=1, loss=LossConfig(beta=0.0), update=update,
            outcome=EqualOn(range(20)),
        )  # fmt: skip
        rows[accelerator] = run.fit(accelerator=accelerator).logger.rows[0]
    assert 0.0 < rows["gpu"]["optim/frac_groups_left_out"] < 1.0
    assert rows["gpu"] == pytest.approx(rows["cpu"], rel=1e-2, abs=1e-3)
