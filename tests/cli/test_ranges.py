"""Numbers that no run can have are refused with their range, before anything is loaded."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from sophia.cli.commands import CONFIGS
from sophia.cli.running.preflight import check_values
from sophia.cli.validation.settings import CheckSettings, InferSettings, PlanSettings, TrainSettings
from sophia.cli.validation.validate import validate
from sophia.cli.verbs.check import check
from sophia.cli.verbs.plan import plan
from tests.commands import run
from tests.composing import composed, filled, options

REFUSED = [
    ("num_steps=0", "num_steps is 0; it must be at least 1: RL steps of the run."),
    ("prompts_per_step=0", "prompts_per_step is 0; it must be at least 1."),
    ("num_generations=0", "num_generations is 0; it must be at least 1; usual is 8."),
    ("sampling.temperature=0", "sampling.temperature is 0; it must be above 0 in training"),
    ("sampling.temperature=-0.5", "sampling.temperature is -0.5; it must be above 0 in training"),
    ("algorithm.optimizer.lr=0", "algorithm.optimizer.lr is 0; it must be above 0"),
    ("algorithm.optimizer.lr=-1e-5", "algorithm.optimizer.lr is -1e-05; it must be above 0"),
    ("algorithm.optimizer.lr=nan", "algorithm.optimizer.lr is nan; it must be above 0"),
    ("callbacks.report.every_n_steps=0", "callbacks.report.every_n_steps is 0; it must"),
    ("callbacks.rollout.sync.every_n_steps=0", "callbacks.rollout.sync.every_n_steps is 0; it"),
    ("trainer.max_steps=10", "trainer.max_steps is 10; it must stay -1: the length of"),
    ("trainer.max_epochs=2", "trainer.max_epochs is 2; it must stay 1: the length of"),
    (
        "trainer.precision=bf16-mixed",
        "trainer.precision is bf16-mixed; it must stay 32-true, which are the master weights: what"
        " is computed in is trainer.strategy.compute_dtype",
    ),
]  # fmt: skip
BY_THEIR_VALUE = [
    ("sampling.top_p=0", "top_p is 0; it must lie in (0, 1]; 1 is off."),
    ("sampling.top_p=1.01", "top_p is 1.01; it must lie in (0, 1]; 1 is off."),
    ("sampling.top_k=-1", "top_k is -1; it must be at least 0, which is off."),
    ("sampling.min_p=1.5", "min_p is 1.5; it must lie in [0, 1]; 0 is off."),
    ("sampling.max_new_tokens=0", "max_new_tokens is 0; it must be at least 1."),
    ("sampling.repetition_penalty=0", "repetition_penalty is 0; it must be above 0; 1 is off."),
    ("algorithm.loss.beta=-0.04", "beta is -0.04; it must be at least 0"),
    ("algorithm.loss.policy.epsilon_low=1.0", "epsilon_low 1.0 must lie in [0, 1)"),
    ("algorithm.loss.policy.epsilon_low=-0.1", "epsilon_low -0.1 must lie in [0, 1)"),
    ("algorithm.loss.policy.epsilon_high=-0.1", "epsilon_high -0.1 must not be negative"),
    ("algorithm.loss.policy.dual_clip=1.1", "dual_clip is 1.1; it must exceed 1 + epsilon_high"),
    ("algorithm.loss.policy.max_log_ratio=0.1", "max_log_ratio is 0.1; it must exceed 0.2231, the"),
    ("algorithm.estimator.epsilon=-1", "epsilon is -1; it must be at least 0, usual is 1e-6."),
    ("algorithm.update.num_iterations=0", "num_iterations is 0; it must be at least 1."),
    ("algorithm.update.warmup_steps=-1", "warmup_steps is -1; it must be at least 0."),
    ("algorithm.update.max_grad_norm=0", "max_grad_norm is 0; it must be above 0."),
    ("algorithm.update.max_skipped_updates=0", "max_skipped_updates is 0; it must be at least 1"),
    ("callbacks.rollout.sync.probe_every_n_steps=-1", "probe_every_n_steps=-1, readback_weights"),
    ("callbacks.health.limits.truncated.share=2", "a limit of callbacks.health has steps"),
    ("annealing.decay_steps=0", "decay_steps is 0; it must be above 0"),
    ("algorithm.lr_schedule.decay_steps=-1", "decay_steps is -1; it must be above 0"),
]  # fmt: skip
CADENCES = [
    f"callbacks.{name}.every_n_steps"
    for name, node in composed().callbacks.items()
    if node and "every_n_steps" in node
]


@pytest.mark.parametrize(("override", "message"), REFUSED)
def test_the_table_names_key_value_and_range(override: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        validate(composed(override), TrainSettings)


@pytest.mark.parametrize("key", CADENCES)
def test_every_cadence_is_at_least_1(key: str) -> None:
    with pytest.raises(ValueError, match=f"^{key} is -5; it must be at least 1"):
        validate(composed(f"{key}=-5"), TrainSettings)
    validate(composed(f"{key}=1"), TrainSettings)


def test_there_are_cadences() -> None:
    assert len(CADENCES) >= 6


@pytest.mark.parametrize(("override", "message"), BY_THEIR_VALUE)
def test_a_value_says_what_it_may_be(override: str, message: str) -> None:
    cfg = composed(override)
    validate(cfg, TrainSettings)
    key = override.partition("=")[0]
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        check_values(cfg)
    node = str(caught.value).partition(":")[0]  # the message begins with what it is about
    assert key.startswith(f"{node}.")


@pytest.mark.parametrize("name", options("experiment"))
def test_what_is_shipped_is_in_range(name: str) -> None:
    cfg = filled(composed(f"experiment={name}"))
    validate(cfg, TrainSettings)
    check_values(cfg)


def test_plan_and_check_refuse_it_too(tmp_path: Path) -> None:
    for root, config in ((PlanSettings, "plan"), (CheckSettings, "check")):
        with pytest.raises(ValueError, match="num_steps is 0"):
            validate(composed("num_steps=0", config=config), root)
    with pytest.raises(ValueError, match="top_p is 2"):
        plan(composed("sampling.top_p=2", config="plan"))
    with pytest.raises(ValueError, match="top_p is 2"):
        check(composed("sampling.top_p=2", config="check"))


NEEDS_TWO = ["grpo", "dr_grpo", "rloo", "lite_ppo", "maxrl", "gdpo", "reinforce_pp_baseline"]


@pytest.mark.parametrize("name", NEEDS_TWO)
def test_one_completion_cannot_be_compared_within_its_prompt(name: str) -> None:
    cfg = composed("num_generations=1", f"algorithm={name}")
    validate(cfg, TrainSettings)
    message = (
        r"^num_generations is 1; algorithm\.estimator \(\w+Advantages\) compares the completions of"
        r" a prompt and needs at least 2, usual is 8\. Set algorithm/estimator=batch to compare all"
    )
    with pytest.raises(ValueError, match=message):
        check_values(cfg)


@pytest.mark.parametrize("name", ["reinforce_pp", "stable_reinforce"])
def test_one_completion_is_enough_where_all_of_a_step_are_compared(name: str) -> None:
    cfg = composed("num_generations=1", f"algorithm={name}")
    validate(cfg, TrainSettings)
    check_values(cfg)


def test_greedy_is_for_infer() -> None:
    with initialize_config_dir(version_base="1.3", config_dir=str(CONFIGS)):
        cfg = compose("infer", overrides=["sampling.temperature=0.0"])
    validate(filled(cfg), InferSettings)


@pytest.mark.slow
def test_before_anything_is_imported_or_made(tmp_path: Path, cache: Path) -> None:
    folder = tmp_path / "run"
    output = run("train.py", "num_steps=0", f"run_dir={folder}", cache=cache, expect=1)
    assert output.strip() == "error: num_steps is 0; it must be at least 1: RL steps of the run."
    assert not folder.exists()


def test_a_format_and_a_reward_term_say_what_they_may_be() -> None:
    with pytest.raises(ValueError, match=r"^reward\.format: format block 'answer' is the final"):
        check_values(composed("reward.format.blocks=[answer]"))
    cfg = composed("reward_terms=[overlong]", "reward.extra.overlong.buffer_share=2")
    with pytest.raises(ValueError, match=r"^reward\.extra\.overlong: buffer_share is 2; it must"):
        check_values(cfg)
