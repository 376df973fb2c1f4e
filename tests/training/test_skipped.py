"""A loss or gradient that is not finite reaches neither weights nor moments, and stops the run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from sophia.callbacks.checkpoint import CheckpointCallback
from sophia.failures import RunStopped
from sophia.grpo.loss import LossConfig
from sophia.run.checkpoint import checkpoint_path, list_checkpoints
from sophia.training.skipped import SkippedUpdates
from sophia.training.update import UpdateConfig
from tests.poison import LoseReference, Poison
from tests.processes import finish, sharded_run, start_processes, stopped_messages
from tests.short_run import LIGHTNINGS_REMARKS, Run, SaveAfter


def same(left: list[torch.Tensor], right: list[torch.Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(left, right, strict=True))


@LIGHTNINGS_REMARKS
def test_weights_and_moments_stay_and_the_rate_follows_the_clock(tiny_folder: Path) -> None:
    poison = Poison(1)
    update = UpdateConfig(micro_batch_tokens=120, warmup_steps=4)
    run = Run(tiny_folder, num_steps=3, callbacks=[poison], update=update).fit()
    assert [row["optim/skipped_steps"] for row in run.logger.rows] == [0.0, 1.0, 0.0]
    assert [row["lr"] for row in run.logger.rows] == pytest.approx([2.5e-4, 5e-4, 7.5e-4])
    assert len(poison.states[0]) == 4 * len(list(run.module.parameters()))  # weight, step, moments
    assert same(poison.states[1], poison.states[0])
    assert not same(poison.states[2], poison.states[1])


@LIGHTNINGS_REMARKS
def test_a_loss_that_is_not_finite_is_skipped_though_its_gradient_is(tiny_folder: Path) -> None:
    poison = Poison()
    loss = LossConfig(beta=0.04, kl_estimator="k1")  # policy - reference: a gradient of 1
    run = Run(tiny_folder, num_steps=2, callbacks=[poison, LoseReference()], loss=loss).fit()
    assert [row["optim/skipped_steps"] for row in run.logger.rows] == [1.0, 1.0]
    assert all(row["grad_norm"] < 1e3 for row in run.logger.rows)
    assert same(poison.states[1], poison.states[0])


@LIGHTNINGS_REMARKS
def test_three_in_a_row_stop_the_run_and_a_resume_goes_on(
    tiny_folder: Path, tmp_path: Path
) -> None:
    poison = Poison(1, 3, 4, 5)
    checkpoints = CheckpointCallback(run_dir=tmp_path, every_n_steps=9, num_steps=8, keep_last=1)
    run = Run(tiny_folder, num_steps=8, callbacks=[poison, checkpoints])
    with pytest.raises(RunStopped, match=r"^3 updates in a row were skipped, .*resume=true"):
        run.fit()
    assert [row["rl_step"] for row in run.logger.rows] == [0, 1, 2, 3, 4, 5]
    ((steps, path),) = list_checkpoints(tmp_path / "checkpoints")
    assert steps == 6
    after = Poison(6, 7)  # a run that is resumed may skip as often again
    resumed = Run(tiny_folder, num_steps=9, callbacks=[after, checkpoints])
    resumed.fit(ckpt_path=path)
    assert [row["optim/skipped_steps"] for row in resumed.logger.rows] == [1.0, 1.0, 0.0]
    assert same(after.states[0], poison.states[2])


@LIGHTNINGS_REMARKS
def test_a_resume_in_between_counts_on(tiny_folder: Path, tmp_path: Path) -> None:
    callbacks = [Poison(1, 2), SaveAfter(3, tmp_path)]
    Run(tiny_folder, num_steps=4, callbacks=callbacks).fit()
    resumed = Run(tiny_folder, num_steps=4, callbacks=[Poison(3)])
    with pytest.raises(RunStopped, match=r"^3 updates in a row"):
        resumed.fit(ckpt_path=checkpoint_path(tmp_path, 3))
    assert [row["rl_step"] for row in resumed.logger.rows] == [3]


def test_one_that_was_taken_begins_anew_and_null_never_stops() -> None:
    skipped = SkippedUpdates(most=2)
    skipped.note([True, False, True])
    skipped.stop_if_too_many()
    assert skipped.in_a_row == 1
    skipped.note([True])
    with pytest.raises(RunStopped, match=r"max_skipped_updates is 2"):
        skipped.stop_if_too_many()
    never = SkippedUpdates(most=None)
    never.note([True] * 100)
    never.stop_if_too_many()
    assert never.in_a_row == 100


@pytest.mark.parametrize("most", [0, -1])
def test_a_limit_below_1_is_refused(most: int) -> None:
    with pytest.raises(ValueError, match=f"max_skipped_updates is {most}; it must be at least 1"):
        UpdateConfig(max_skipped_updates=most)


@pytest.mark.slow
@pytest.mark.parametrize("copies", [False, True], ids=["sharded", "ddp"])
def test_all_processes_stop_for_what_one_of_them_computed(
    copies: bool, tiny_folder: Path, tmp_path: Path
) -> None:
    case: dict[str, Any] = {
        "folder": tiny_folder, "run_dir": tmp_path, "num_steps": 5, "copies": copies,
    }  # fmt: skip
    out = tmp_path / "out.pt"
    finish(start_processes(2, out, **case, poison_on_second=1), timeout_s=120.0)
    first, second = stopped_messages(2, out)
    assert first == second
    assert first.startswith("3 updates in a row were skipped")
    assert [step for step, _ in list_checkpoints(tmp_path / "checkpoints")] == [4]
    resumed = sharded_run(2, out, **case, checkpoints=tmp_path / "checkpoints", resume=4)
    assert [row["optim/skipped_steps"] for row in resumed["rows"]] == [0.0]
    assert all(value.isfinite().all() for value in resumed["weights"].values())
