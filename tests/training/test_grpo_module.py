"""GRPO steps on a small model: the invariants of docs/architecture.md."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from sophia.grpo.loss import LossConfig
from sophia.models.load import ModelLoader, load_model
from sophia.rewards.checkers.verdict import UNSCORED, Verdict
from sophia.run.checkpoint import checkpoint_path
from sophia.schedules import Linear
from sophia.training.update import UpdateConfig
from sophia.types import Completion, Prompt
from tests.poison import Poison
from tests.short_run import LetterShare, Run, SaveAfter

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*does not have many workers",
    "ignore:.*module\\(s\\) in eval mode",
    "ignore:.*treespec, LeafSpec",
)


def same(left: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(left[name], right[name]) for name in left)


def close(left: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> None:
    for name in left:
        torch.testing.assert_close(left[name], right[name], atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("rows", ["shared", "naive"])
def test_at_step_0_with_images_kl_is_0_and_the_ratio_1(rows: str, tiny_folder: Path) -> None:
    off_policy = UpdateConfig(micro_batch_tokens=120, num_iterations=2)
    run = Run(tiny_folder, num_steps=1, rows=rows, update=off_policy, optimizer=_no_movement).fit()
    assert run.logger.rows[0]["kl"] == 0.0
    assert run.logger.rows[0]["ratio_mean"] == pytest.approx(1.0, abs=1e-6)
    assert run.logger.rows[0]["sampling/sampling_logp_difference/max"] < 1e-4


def _no_movement(parameters: Any) -> torch.optim.Optimizer:
    return torch.optim.SGD(parameters, lr=0.0)


def test_reward_rises_and_weights_move(tiny_folder: Path) -> None:
    run = Run(tiny_folder, num_steps=12, loss=LossConfig(beta=0.0)).fit()
    rewards = [row["reward"] for row in run.logger.rows]
    assert sum(rewards[-3:]) > sum(rewards[:3]) + 0.3
    assert run.logger.rows[0]["optim/frac_params_changed"] > 0.9
    assert "kl" not in run.logger.rows[0]  # beta 0: no reference pass


def _one_sgd_step(folder: Path, **overrides: Any) -> Run:
    """SGD: unlike Adam it does not blow rounding up to the size of a step."""
    optimizer = lambda p: torch.optim.SGD(p, lr=1.0)  # noqa: E731
    return Run(folder, num_steps=1, optimizer=optimizer, **overrides).fit()


@pytest.mark.parametrize("tokens", [1, 50, 120, 300])
@pytest.mark.parametrize("aggregation", ["token_mean", "sequence_mean"])
def test_micro_batches_of_any_size_give_the_same_update(
    tokens: int, aggregation: str, tiny_folder: Path
) -> None:
    loss = LossConfig(beta=0.04, aggregation=aggregation)  # type: ignore[arg-type]
    whole = _one_sgd_step(tiny_folder, loss=loss, update=UpdateConfig())
    cut = _one_sgd_step(tiny_folder, loss=loss, update=UpdateConfig(micro_batch_tokens=tokens))
    close(whole.weights, cut.weights)
    assert not same(whole.weights, dict(load_model(tiny_folder).named_parameters()))


def test_shared_and_naive_rows_give_the_same_update(tiny_folder: Path) -> None:
    close(
        _one_sgd_step(tiny_folder, rows="shared").weights,
        _one_sgd_step(tiny_folder, rows="naive").weights,
    )


def test_the_clock_counts_rl_steps_whatever_the_optimizer_does(tiny_folder: Path) -> None:
    update = UpdateConfig(micro_batch_tokens=120, optimizer_steps_per_rollout=2, num_iterations=2)
    schedule = Linear(start=1.0, end=0.0, decay_steps=3)
    run = Run(tiny_folder, num_steps=3, update=update, lr_schedule=schedule).fit()
    assert run.module.rl_step == 3
    assert run.trainer.global_step == 12
    assert [row["rl_step"] for row in run.logger.rows] == [0, 1, 2]
    assert [row["lr"] for row in run.logger.rows] == pytest.approx([1e-3, 2e-3 / 3, 1e-3 / 3])
    assert run.logger.rows[1]["ratio_mean"] != 1.0  # old log-probs, not the moving policy's


def test_frozen_parameters_are_bit_equal_and_not_synced(tiny_folder: Path) -> None:
    model = ModelLoader(path=str(tiny_folder), freeze=("vision", "projector"))
    run = Run(tiny_folder, num_steps=2, model=model).fit()
    before = dict(load_model(tiny_folder).named_parameters())
    moved = {n for n, p in run.weights.items() if not torch.equal(p, before[n])}
    assert moved
    assert not any("visual" in name for name in moved)
    assert not any("visual" in weight.name for weight in run.module.trained_weights())


def test_the_reference_is_in_no_state_dict_and_does_not_move(tiny_folder: Path) -> None:
    run = Run(tiny_folder, num_steps=2).fit()
    assert all(name.startswith("policy.") for name in run.module.state_dict())
    reference = run.module._reference[0].model
    before = dict(load_model(tiny_folder).named_parameters())
    assert all(torch.equal(p, before[n]) for n, p in reference.named_parameters())


class _Unscored(LetterShare):
    """Cannot score some completions."""

    def __init__(self, unscored: int) -> None:
        super().__init__()
        self._unscored = unscored

    def verdict(self, prompt: Prompt, completion: Completion) -> Verdict:
        if completion.seed % 4 < self._unscored:
            return UNSCORED
        return super().verdict(prompt, completion)


def test_nothing_scored_moves_nothing(tiny_folder: Path) -> None:
    run = Run(tiny_folder, num_steps=1, outcome=_Unscored(4), loss=LossConfig(beta=0.0)).fit()
    assert run.logger.rows[0]["rewards/outcome/unscored"] == 16
    assert run.logger.rows[0]["grad_norm"] == 0.0


def test_unscored_completions_leave_loss_and_reward(tiny_folder: Path) -> None:
    run = Run(tiny_folder, num_steps=1, outcome=_Unscored(1)).fit()
    row = run.logger.rows[0]
    assert 0 < row["rewards/outcome/unscored"] < 16
    assert row["reward"] == pytest.approx(row["rewards/outcome/mean"])


def test_a_step_that_is_not_finite_is_skipped_and_counted(tiny_folder: Path) -> None:
    run = Run(tiny_folder, num_steps=2, callbacks=[Poison(1)]).fit()
    assert [row["optim/skipped_steps"] for row in run.logger.rows] == [0.0, 1.0]
    assert run.logger.rows[1]["optim/frac_params_changed"] == 0.0
    assert all(p.isfinite().all() for p in run.weights.values())
    assert run.module.rl_step == 2


@pytest.mark.parametrize("steps_per_rollout", [1, 2])
def test_stop_and_resume_is_no_interruption(
    steps_per_rollout: int, tiny_folder: Path, tmp_path: Path
) -> None:
    update = UpdateConfig(micro_batch_tokens=120, optimizer_steps_per_rollout=steps_per_rollout)
    callbacks = [SaveAfter(2, tmp_path)]
    whole = Run(tiny_folder, num_steps=4, callbacks=callbacks, update=update).fit()
    resumed = Run(tiny_folder, num_steps=4, update=update)
    resumed.fit(ckpt_path=checkpoint_path(tmp_path, 2))
    assert resumed.logger.rows == whole.logger.rows[2:]
    assert same(whole.weights, resumed.weights)
