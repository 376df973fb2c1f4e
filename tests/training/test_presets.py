"""Every shipped algorithm gives one update, however its step is cut up and spread."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from sophia.models.load import load_model
from tests.preset_runs import presets, run_of
from tests.processes import finish, start_processes
from tests.short_run import LIGHTNINGS_REMARKS
from tests.training.test_grpo_module import close

pytestmark = [pytest.mark.slow, LIGHTNINGS_REMARKS]


def test_many_micro_batches_of_one_process_are_one_of_each_of_two(
    tiny_folder: Path, tmp_path: Path
) -> None:
    # All in one pair of processes, which work meanwhile; tests/preset_runs.py never cuts.
    every, out = presets(), tmp_path / "out.pt"
    torch.save(every, tmp_path / "presets.pt")
    processes = start_processes(
        2, out, module="tests.preset_runs", folder=tiny_folder, presets=tmp_path / "presets.pt"
    )
    runs = {
        name: run_of(preset, tiny_folder, micro_batch_tokens=50).fit()
        for name, preset in every.items()
    }
    finish(processes)
    before = dict(load_model(tiny_folder).named_parameters())
    spread = torch.load(out, weights_only=True)
    assert spread.keys() == runs.keys()
    for name, run in runs.items():
        close(run.weights, spread[name])
        assert any(not torch.equal(run.weights[n], p) for n, p in before.items()), name
        moved = run.logger.rows[0]["ratio_mean"] != pytest.approx(1.0, abs=1e-6)
        assert moved == (every[name].update.optimizer_steps_per_rollout > 1), name
