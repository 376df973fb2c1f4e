"""Names of TRL, EasyR1 and verl lead to our keys, from the command line and from YAML."""

from __future__ import annotations

import errno
import functools
import re
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from omegaconf import OmegaConf

from sophia.cli.command_line.arguments import spelled
from sophia.cli.command_line.errors import explained, readable_errors
from sophia.cli.command_line.other_names import OtherName, other_name, table
from sophia.cli.command_line.suggestions import dotted_keys, key_hint
from sophia.cli.commands import CONFIGS
from sophia.cli.running.preflight import check_values
from sophia.cli.validation.settings import TrainSettings
from sophia.cli.validation.validate import validate
from tests.composing import composed


@functools.cache
def known_keys(choice: str) -> frozenset[str]:
    """All keys of the quick start, with one choice of a group."""
    cfg = composed(*([choice] if choice else []))
    return frozenset(dotted_keys("", OmegaConf.to_container(cfg)))


@pytest.mark.parametrize("entry", table(), ids=lambda entry: entry.key)
def test_every_key_that_is_suggested_exists(entry: OtherName) -> None:
    assert entry.key in known_keys(entry.needs)
    if entry.needs:  # and what is said to be needed is
        assert entry.key not in known_keys("")


def test_no_name_of_others_is_a_key_of_ours_or_stands_twice() -> None:
    names = [name for entry in table() for name in entry.names]
    assert len(names) == len(set(names))
    # Lightning's own, which verl's users mean otherwise.
    assert set(names) & known_keys("") <= {"trainer.max_steps"}
    assert not [entry.key for entry in table() if not entry.names]


NAMES = [
    ("learning_rate", "algorithm.optimizer.lr"),
    ("lr", "algorithm.optimizer.lr"),
    ("worker.actor.optim.lr", "algorithm.optimizer.lr"),
    ("actor_rollout_ref.actor.optim.lr", "algorithm.optimizer.lr"),
    ("batch_size", "prompts_per_step"),
    ("train_batch_size", "prompts_per_step"),
    ("data.rollout_batch_size", "prompts_per_step"),
    ("rollout_batch_size", "prompts_per_step"),
    ("kl_coef", "algorithm.loss.beta"),
    ("beta", "algorithm.loss.beta"),
    ("algorithm.kl_coef", "algorithm.loss.beta"),
    ("epsilon", "algorithm.loss.policy.epsilon_low"),
    ("clip_ratio", "algorithm.loss.policy.epsilon_low"),
    ("clip_ratio_high", "algorithm.loss.policy.epsilon_high"),
    ("n", "num_generations"),
    ("rollout.n", "num_generations"),
    ("algorithm.num_generations", "num_generations"),
    ("max_completion_length", "sampling.max_new_tokens"),
    ("data.max_response_length", "sampling.max_new_tokens"),
    ("max_prompt_length", "prompt_limits.max_prompt_tokens"),
    ("per_device_train_batch_size", "algorithm.update.micro_batch_tokens"),
    ("gradient_accumulation_steps", "algorithm.update.micro_batch_tokens"),
    ("num_train_epochs", "num_steps"),
    ("trainer.total_epochs", "num_steps"),
    ("max_steps", "num_steps"),
    ("total_training_steps", "num_steps"),
    ("save_steps", "callbacks.checkpoint.every_n_steps"),
    ("trainer.save_freq", "callbacks.checkpoint.every_n_steps"),
    ("eval_steps", "callbacks.validation.every_n_steps"),
    ("test_freq", "callbacks.validation.every_n_steps"),
    ("model_name_or_path", "model.path"),
    ("worker.actor.model.model_path", "model.path"),
    ("data.train_files", "data.train.sources.files"),
    ("data.prompt_key", "data.train.sources.columns.problem"),
    ("report_to", "logger"),
    ("data.seed", "seed"),
    ("learning_rte", "algorithm.optimizer.lr"),
    ("algorithm.lr", "algorithm.optimizer.lr"),
    ("algoritm.loss.beta", "algorithm.loss.beta"),
    ("algorithm.loss.betta", "algorithm.loss.beta"),
    ("algorithm.loss.epsilon", "algorithm.loss.policy.epsilon_low"),
    ("algorithm.loss.policy.epsilon", "algorithm.loss.policy.epsilon_low"),
    ("adv_estimator", "algorithm.estimator"),
    ("algorithm.norm_adv_by_std_in_grpo", "algorithm.estimator.scale"),
    ("actor_rollout_ref.actor.policy_loss.loss_mode", "algorithm.loss.policy"),
    ("worker.actor.loss_type", "algorithm.loss.policy"),
    ("loss_type", "algorithm.loss.aggregation"),
    ("loss_agg_mode", "algorithm.loss.aggregation"),
    ("use_kl_in_reward", "algorithm.loss.beta"),
    ("sapo_temperature_neg", "algorithm.loss.policy.tau_negative"),
    ("logging_steps", "logger"),
]


def said_of(*overrides: str, config: str = "train") -> str:
    """What the command line says about a mistake that Hydra finds."""
    with (
        initialize_config_dir(version_base="1.3", config_dir=str(CONFIGS)),
        pytest.raises(HydraException) as caught,
    ):
        compose(config, overrides=list(overrides))
    said = explained(caught.value, configs=CONFIGS, config_name=config, arguments=overrides)
    return str(said)


@pytest.mark.parametrize("choice", ["evaluation=of_run", "data=mine", "template="])
def test_choices_of_other_folders_do_not_hide_a_typo(choice: str) -> None:
    with (
        initialize_config_dir(version_base="1.3", config_dir=str(CONFIGS)),
        pytest.raises(HydraException) as caught,
    ):
        compose("evaluate", overrides=["evaluation.num_sampels=1"])
    typed = [choice, "evaluation.num_sampels=1"]
    said = explained(caught.value, configs=CONFIGS, config_name="evaluate", arguments=typed)
    assert "did you mean 'evaluation.num_samples'?" in str(said)


def test_a_full_disk_is_said_with_what_to_do(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(SystemExit) as caught, readable_errors(debug=False):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert caught.value.code == 1
    assert "No space left on device. Make room on that disk" in caplog.text
    assert "run_dir=FOLDER resume=true" in caplog.text


def test_a_choice_of_ones_own_is_found_with_config_dir() -> None:
    said = said_of("data=minerals")
    assert "there is no data 'minerals'; known are digits, example," in said
    assert "FOLDER/data/minerals.yaml, is found with --config-dir FOLDER." in said


@pytest.mark.parametrize(("typed", "ours"), NAMES)
def test_names_of_others(typed: str, ours: str) -> None:
    assert key_hint(typed, known_keys("")).startswith(f"did you mean {ours!r}")


FORMER = [
    ("algorithm.loss.epsilon_low", "algorithm.loss.policy.epsilon_low"),
    ("algorithm.loss.epsilon_high", "algorithm.loss.policy.epsilon_high"),
    ("algorithm.loss.dual_clip", "algorithm.loss.policy.dual_clip"),
    ("algorithm.loss.importance_sampling_level", "algorithm.loss.policy.ratio_level"),
    ("algorithm.update.scale_rewards", "algorithm.estimator.scale"),
    ("algorithm.update.advantage_epsilon", "algorithm.estimator.epsilon"),
]


@pytest.mark.parametrize(
    ("typed", "ours"),
    [
        ("loss_type=cispo", "algorithm/loss/policy=cispo"),
        ("loss_type=grpo", "algorithm.loss.aggregation=sequence_mean"),
        ("scale_rewards=False", "algorithm.estimator.scale=none"),
        ("algorithm.adv_estimator=reinforce_plus_plus", "algorithm=reinforce_pp"),
        ("worker.actor.loss_type=sapo", "algorithm/loss/policy=sapo"),
        ("actor_rollout_ref.actor.kl_loss_type=low_var_kl", "algorithm.loss.kl_estimator=k3"),
        ("importance_sampling_level=sequence", "algorithm.loss.policy.ratio_level=sequence"),
        ("algorithm.update.scale_rewards=batch", "algorithm.estimator.scale=batch"),
        ("loss_type=vespo", "algorithm.loss.aggregation"),  # of no value here: the key
    ],
)
def test_values_of_others(typed: str, ours: str) -> None:
    assert f"; did you mean {ours!r}?" in said_of(typed)


@pytest.mark.parametrize(
    "typed", sorted({typed for entry in table() for typed in entry.values.values()})
)
def test_every_value_that_is_suggested_is_valid(typed: str) -> None:
    cfg = composed(*typed.split())
    validate(cfg, TrainSettings)
    check_values(cfg)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (
            ("algorithm=cispo", "algorithm.loss.policy.dual_clip=3"),
            "unknown key algorithm.loss.policy.dual_clip; Cispo takes max_ratio, min_ratio;"
            " dual_clip is a key of algorithm/loss/policy=clipped.",
        ),
        (
            ("algorithm=sapo", "algorithm.loss.policy.epsilon_low=0.1"),
            "unknown key algorithm.loss.policy.epsilon_low; Sapo takes tau_negative, tau_positive;"
            " epsilon_low is a key of algorithm/loss/policy=clipped.",
        ),
        (
            ("algorithm=reinforce_pp", "algorithm.estimator.scale=group"),
            "unknown key algorithm.estimator.scale; BatchAdvantages takes epsilon; scale is a key"
            " of algorithm/estimator=group.",
        ),
        (
            ("algorithm/loss/policy=own", "algorithm.loss.policy.max_ratio=2"),
            "unknown key algorithm.loss.policy.max_ratio; OwnPolicyLoss takes arguments, function;"
            " max_ratio is a key of algorithm/loss/policy=cispo.",
        ),
    ],
)
def test_a_key_of_another_choice_is_refused_with_what_is_taken(
    typed: tuple[str, ...], said: str
) -> None:
    assert said_of(*typed) == said


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (
            ("algorithm=gspo", "algorithm/loss/policy=gmpo"),
            r"loss\.policy\.epsilon_high; Gmpo takes log_clip_high, log_clip_low; epsilon_high is a"
            r" key of algorithm/loss/policy=clipped\. A preset or file that sets it is made for",
        ),
        (
            ("algorithm=dr_grpo", "algorithm/estimator=leave_one_out"),
            r"estimator\.scale; LeaveOneOutAdvantages takes no keys; scale is a key of"
            r" algorithm/estimator=group\.",
        ),
        (
            ("algorithm=cispo", "+algorithm.loss.policy.dual_clip=3"),
            r"policy\.dual_clip; Cispo takes max_ratio, min_ratio; dual_clip is a key of",
        ),
    ],
)
def test_a_preset_with_another_choice_than_its_own_is_refused(
    typed: tuple[str, ...], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        validate(composed(*typed), TrainSettings)


@pytest.mark.parametrize(
    ("typed", "ours"),
    [
        ("learning_rate", "algorithm.optimizer.lr"),
        *FORMER,
        ("worker.actor.optim.lr", "algorithm.optimizer.lr"),
        ("algorithm.kl_coef", "algorithm.loss.beta"),
        ("rollout.n", "num_generations"),
    ],
)
def test_from_the_command_line_and_from_yaml(typed: str, ours: str) -> None:
    said = f"unknown key {typed}; did you mean {ours!r}"
    assert said_of(f"{typed}=1").startswith(said)
    with pytest.raises(ValueError, match=re.escape(said)):
        validate(composed(f"+{typed}=1"), TrainSettings)


@pytest.mark.parametrize(
    ("override", "hint"),
    [
        ("judge=htpp", "there is no judge 'htpp'; did you mean 'http'?"),
        ("experiment=sophia_7b", "there is no experiment 'sophia_7b'; did you mean 'sophiavl_7b'?"),
        ("annealing=exp", "there is no annealing 'exp'; did you mean 'exponential'?"),
        ("rollout=hf", "there is no rollout 'hf'; did you mean 'transformers'?"),
        (
            "reward_terms=[overlnog]",
            "there is no reward_terms 'overlnog'; did you mean 'overlong'? known are ",
        ),
        ("reward_term=[overlong]", "unknown key reward_term; did you mean 'reward_terms'?"),
        (
            "reward.extra.overlong.weight=1",
            "unknown key reward.extra.overlong.weight; there is no such term unless you say"
            " reward_terms=[overlong].",
        ),
        (
            "reward.format.pattern=strict",
            "unknown key reward.format.pattern; did you mean 'reward.format.blocks'? With ",
        ),
        (
            "algorithm=reinforce_plus_plus",
            "there is no algorithm 'reinforce_plus_plus'; did you mean 'reinforce_pp'?",
        ),
        (
            "algorithm/loss/policy=geo_mean",
            "there is no algorithm/loss/policy 'geo_mean'; did you mean 'gmpo'?",
        ),
        ("model/lora=defualt", "there is no model/lora 'defualt'; did you mean 'default'?"),
        (
            "model=Qwen/Qwen2.5-VL-3B-Instruct",
            "there is no model 'Qwen/Qwen2.5-VL-3B-Instruct'; to use Qwen/Qwen2.5-VL-3B-Instruct,"
            " write model.path=Qwen/Qwen2.5-VL-3B-Instruct; known are ",
        ),
        (
            "data=my/rows.jsonl",
            "there is no data 'my/rows.jsonl'; to use my/rows.jsonl, write data=rows"
            " data.train.sources.files=my/rows.jsonl; known are ",
        ),
    ],
)
def test_choices_of_groups(override: str, hint: str) -> None:
    assert said_of(override).startswith(hint)


def test_only_keys_of_the_command_are_suggested() -> None:
    assert "algorithm" not in said_of("learning_rate=1", config="evaluate")
    assert "did you mean 'sampling.max_new_tokens'?" in said_of("max_new_tokens=1", config="infer")


def test_keys_of_a_chosen_group_are_known() -> None:
    said = said_of("data=rows", "data.train.sources.columns.problm=question")
    assert "did you mean 'data.train.sources.columns.problem'?" in said
    said = said_of("rollout=vllm", "gpu_memory_utilization=0.5")
    assert "did you mean 'rollout.settings.gpu_memory_utilization'" in said
    said = said_of("data=rows", "data.train.sources.colums.problem=question")
    assert "did you mean 'data.train.sources.columns.problem'?" in said
    said = said_of("judge=http", "judge.timeout=3")
    assert "did you mean 'judge.calls.timeout_s'?" in said
    said = said_of("experiment=sophiavl_7b_lora", "model.lora.rnak=8")
    assert "did you mean 'model.lora.rank'?" in said


def test_what_a_judge_is_asked_needs_a_judge() -> None:
    choice = "judge_prompt@judge.prompt=short"
    assert spelled(["judge_prompt=short"]) == [choice]
    assert "there is none: say judge=http too" in said_of(choice)
    assert "there is none: say judge=http too" in said_of("judge=constant", choice)
    said = said_of("judge=http", "judge_prompt@judge.prompt=shrt")
    assert said.startswith("there is no judge_prompt 'shrt'; did you mean 'short'?")
    assert "did you mean 'judge.prompt.sees'" in said_of("judge=http", "judge.sees=thinking")


def test_a_group_that_the_command_does_not_have_is_an_unknown_key() -> None:
    said = said_of("model=x", "algorithm=grpo", config="evaluate")
    assert said.startswith("unknown key ")
    assert ", ckpt, data, " in said


def test_what_leads_to_a_refusal_is_not_suggested() -> None:
    for typed in ("bf16", "fp16"):
        assert "did you mean 'trainer.strategy.compute_dtype' (with trainer=fsdp)?" in said_of(
            f"{typed}=true"
        )


def test_what_differs_is_said() -> None:
    assert "Counted in RL steps" in said_of("trainer.total_epochs=1")
    assert "(with data=rows)" in said_of("data.train_files=a.parquet")
    assert said_of("every_n_steps=1").count("every_n_steps'") == 3


def test_a_name_leads_by_its_longest_end() -> None:
    entry = other_name("some.other.worker.rollout.n")
    assert entry is not None
    assert entry.key == "num_generations"
    assert other_name("callbacks.nothing.of_the_sort") is None


def test_the_table_lies_beside_its_reader() -> None:
    text = Path(CONFIGS.parent, "sophia/cli/command_line/other_names.yaml").read_text()
    keys = [line.rstrip(":") for line in text.splitlines() if line and line[0] not in " #"]
    assert [entry.key for entry in table()] == keys


@pytest.mark.parametrize("chosen", ["overlong", "[overlong]", "[reflection, overlong]"])
def test_a_typo_in_a_reward_term_is_seen_behind_the_choice(chosen: str) -> None:
    said = said_of(f"reward_terms={chosen}", "reward.extra.overlong.wieght=1")
    assert said.endswith("did you mean 'reward.extra.overlong.weight'?")
