"""The predicted size of a checkpoint is that of a written one."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from sophia.measure.disk import plan_disk


def test_by_hand() -> None:
    model = torch.nn.Linear(10, 5)  # 55 weights
    model.bias.requires_grad = False
    plan = plan_disk(model, moments=2, kept=2, copies=2)
    assert plan.checkpoint == 55 * 4 + 50 * 8
    assert plan.total == 3 * plan.checkpoint + 2 * 55 * 4


def test_a_real_checkpoint_is_as_large(finished: Path) -> None:
    from sophia.models.load import ModelLoader

    model = ModelLoader(path="x").empty(finished / "policy")
    plan = plan_disk(model, moments=2, kept=2, copies=2)
    written = max(path.stat().st_size for path in (finished / "checkpoints").glob("*.ckpt"))
    assert plan.checkpoint == pytest.approx(written, rel=0.1)
