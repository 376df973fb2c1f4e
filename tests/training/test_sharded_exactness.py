"""Sharded runs of models that shared rows are not exact for: probed once, decided alike."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import torch

from sophia.training.update import UpdateConfig
from tests.models.architectures import save_architecture
from tests.processes import finish, sharded_run, start_processes, stopped_messages
from tests.sharded_worker import TextOnly
from tests.short_run import LIGHTNINGS_REMARKS, Run
from tests.training.test_strategy import assert_same_update

pytestmark = [pytest.mark.slow, LIGHTNINGS_REMARKS]


@pytest.mark.parametrize("name", ["gemma3_text", "qwen3_5_text", "qwen2_window"])
def test_two_processes_give_the_update_of_one(name: str, tiny_folder: Path, tmp_path: Path) -> None:
    folder = save_architecture(name, tmp_path / name, tiny=tiny_folder)
    two = sharded_run(2, tmp_path / "out.pt", folder=folder, text_only=True)
    one = Run(
        folder, num_steps=1, optimizer=partial(torch.optim.SGD, lr=1.0),
        update=UpdateConfig(micro_batch_tokens=120),
    )  # fmt: skip
    one.data.train = TextOnly(set(range(40)))
    assert_same_update(one.fit(), two)
    assert one.module._budget.rows == "naive"
    for row in (one.logger.rows[0], two["rows"][0]):
        assert row["sampling/sampling_logp_difference/max"] < 1e-4


def test_all_processes_refuse_together(tiny_folder: Path, tmp_path: Path) -> None:
    folder = save_architecture("gemma2", tmp_path / "gemma2", tiny=tiny_folder)
    out = tmp_path / "out.pt"
    finish(start_processes(2, out, folder=folder, text_only=True), timeout_s=100.0)
    messages = stopped_messages(2, out)
    assert all("naive rows are no way out" in message for message in messages)
