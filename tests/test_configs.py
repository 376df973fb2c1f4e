"""Every shipped config composes and validates, and a typo anywhere in it is refused by name."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from sophia.cli.commands import CONFIGS
from sophia.cli.running.build import build
from sophia.cli.validation.settings import EvaluateSettings, TrainSettings
from sophia.cli.validation.validate import validate
from sophia.schedules import Exponential
from tests.builders import completion, prompt, term_values
from tests.composing import composed, filled, options

GROUPS = (
    "algorithm", "annealing", "callbacks", "data", "judge", "logger", "model", "reward", "rollout",
    "prompt_limits", "reward_terms", "template", "trainer", "warm_start",
)  # fmt: skip


@pytest.mark.parametrize("name", options("experiment"))
def test_experiments_validate(name: str) -> None:
    cfg = filled(composed(f"experiment={name}"))
    validate(cfg, TrainSettings)
    assert cfg.reward.outcome.extract == "tagged"  # the lenient reading is no reward


@pytest.mark.parametrize(
    ("group", "name"), [(group, name) for group in GROUPS for name in options(group)]
)
def test_every_choice_of_every_group_validates(group: str, name: str) -> None:
    validate(filled(composed(f"{group}={name}")), TrainSettings)


@pytest.mark.parametrize("name", options("reward"))
def test_evaluation_validates(name: str) -> None:
    cfg = filled(composed(f"reward={name}", config="evaluate"))
    validate(cfg, EvaluateSettings)


def nodes(node: DictConfig, path: str = "") -> Iterator[str]:
    """Paths of all mappings that a typo could be in."""
    yield path
    for key in node:
        if OmegaConf.is_dict(node._get_node(key)):
            yield from nodes(node[key], f"{path}.{key!s}" if path else str(key))


# Free-form mappings: whatever stands in them is meant.
OPEN = (
    "callbacks", "logger", "reward.extra", "sentences", "files", "weights",
    "rename_types",
)  # fmt: skip


@pytest.mark.parametrize("name", options("experiment"))
def test_a_typo_at_every_level_is_refused(name: str) -> None:
    cfg = filled(composed(f"experiment={name}"))
    paths = list(nodes(cfg))
    assert len(paths) > 20
    OmegaConf.set_struct(cfg, False)
    for path in paths:
        if path.endswith(OPEN):
            continue
        target = OmegaConf.select(cfg, path) if path else cfg
        target["tpyo"] = 1
        with pytest.raises(ValueError, match=r"unknown key .*tpyo"):
            validate(cfg, TrainSettings)
        del target["tpyo"]
    validate(cfg, TrainSettings)


def test_a_close_key_is_suggested() -> None:
    cfg = composed()
    OmegaConf.set_struct(cfg, False)
    cfg.algorithm.loss.policy.epsilon_hihg = 0.3
    with pytest.raises(
        ValueError, match=r"algorithm\.loss\.policy\.epsilon_hihg; did you mean 'epsilon_high'"
    ):
        validate(cfg, TrainSettings)


def test_a_misspelt_callback_is_refused() -> None:
    cfg = composed("+callbacks.chekpoint.every_n_steps=5")
    with pytest.raises(ValueError, match=r"callbacks\.chekpoint; did you mean 'checkpoint'"):
        validate(cfg, TrainSettings)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("num_steps=abc", r"num_steps is 'abc': .*integer"),
        ("algorithm.estimator.scale=gruop", r"estimator\.scale is 'gruop': .*'group'"),
        ("algorithm.rows=packed", r"algorithm\.rows is 'packed'"),
        (
            "+reward.extra.x={_target_: sophia.rewards.custom.CustomReward, function: 'a.py:f',"
            " weight: 1.0, signature: tlr}",
            r"reward\.extra\.x\.signature is 'tlr': .*'sophia', 'trl', 'trl_messages', 'easyr1'",
        ),
        ("algorithm.loss.beta=high", r"algorithm\.loss\.beta is 'high': .*number"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused(override: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        validate(composed(override), TrainSettings)


def test_a_missing_key_is_named() -> None:
    cfg = composed()
    OmegaConf.set_struct(cfg, False)
    del cfg.annealing.decay_steps
    with pytest.raises(
        ValueError, match=r"missing key annealing\.decay_steps, which .*Exponential"
    ):
        validate(cfg, TrainSettings)


def test_a_target_that_does_not_exist_is_named() -> None:
    cfg = composed("judge._target_=sophia.rewards.nowhere.Judge")
    with pytest.raises(ValueError, match=r"judge\._target_ is 'sophia\.rewards\.nowhere\.Judge'"):
        validate(cfg, TrainSettings)


def test_each_number_has_one_home() -> None:
    cfg = composed("num_steps=77")
    assert build(cfg, "annealing") == Exponential(start=0.3, decay_steps=77)


def test_presets_of_the_paper() -> None:
    cfg = composed("experiment=sophiavl_7b")
    assert (cfg.num_steps, cfg.prompts_per_step, cfg.num_generations) == (1500, 16, 8)
    assert cfg.algorithm.optimizer.lr == 5e-7
    assert cfg.algorithm.loss.beta == 0.04
    assert cfg.algorithm.loss.kl_estimator == "k3"
    assert (cfg.annealing.start, cfg.annealing.decay_steps) == (0.3, 1500)
    assert cfg.sampling.max_new_tokens == 1024
    assert cfg.reward.trust is True


def test_the_documented_rewards_of_trl_and_easyr1_build(tmp_path: Path) -> None:
    recipe = (CONFIGS.parent / "docs/recipes.md").read_text().partition("EasyR1** are taken")[2]
    block = recipe.split("```yaml\n")[1].split("```")[0]
    configs = shutil.copytree(CONFIGS, tmp_path / "configs")
    (configs / "experiment/rewards.yaml").write_text(block)
    with initialize_config_dir(config_dir=str(configs), version_base="1.3"):
        cfg = filled(compose("train", overrides=["run_dir=nowhere", "experiment=rewards"]))
    validate(cfg, TrainSettings)
    mentions, boxed = (build(cfg, f"reward.extra.{name}") for name in ("mentions", "boxed"))
    group = (completion("It is 4."), completion("It is 5.", num_tokens=100))
    assert term_values(mentions, prompt(), group) == (1.0, 0.0)
    # 0.2 * 1 / (1 + 3 / 100) = 0.1942; 0.2 * 1 / (1 + 100 / 100) = 0.1
    assert term_values(boxed, prompt(), group) == pytest.approx((0.1942, 0.1), abs=1e-4)


def test_reward_terms_are_added_and_changed_on_the_command_line() -> None:
    assert composed().reward.extra == {}
    cfg = composed(
        "reward=outcome", "reward_terms=[overlong,reflection]", "reward.extra.overlong.weight=0.25",
        "sampling.max_new_tokens=77",
        "+reward.extra.brevity={_target_: sophia.rewards.custom.CustomReward,"
        ' function: "docs/examples/brevity.py:brevity", weight: 0.1}',
    )  # fmt: skip
    validate(cfg, TrainSettings)
    assert list(cfg.reward.extra) == ["overlong", "reflection", "brevity"]
    term = build(cfg, "reward.extra.overlong")
    assert (term.max_tokens, term.weight) == (77, 0.25)


def test_all_reward_terms_together_are_a_composer() -> None:
    chosen = ",".join(options("reward_terms"))
    cfg = composed(f"reward_terms=[{chosen}]", "reward=outcome", "annealing=none", "judge=none")
    objects = {"annealing": None, "judge": None, "outcome": None, "format": None}
    composer = build(cfg, "reward", objects)
    assert sorted(composer.extra) == options("reward_terms")
    composer.close()


def test_what_an_object_inside_a_node_says_is_said_without_hydra() -> None:
    override = (
        "+reward.extra.brevity={_target_: sophia.rewards.custom.CustomReward,"
        ' function: "docs/examples/brevity.py:brevty", weight: 0.1}'
    )
    with pytest.raises(ValueError, match=r"^docs/examples/brevity.py has no function 'brevty'"):
        build(composed(override), "reward")


def test_the_documented_reward_of_ones_own_builds() -> None:
    override = (
        "+reward.extra.brevity={_target_: sophia.rewards.custom.CustomReward,"
        ' function: "docs/examples/brevity.py:brevity", weight: 0.1}'
    )
    cfg = composed(override)
    validate(cfg, TrainSettings)
    reward = build(cfg, "reward.extra.brevity")
    assert term_values(reward, prompt(), [completion(num_tokens=10)]) == (0.5,)
