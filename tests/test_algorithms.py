"""The presets of algorithms, the page about them, and an algorithm of one's own."""

from __future__ import annotations

import math
import re
import shlex
import shutil
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from sophia.cli.commands import CONFIGS, ROOT
from sophia.cli.running.build import build
from sophia.cli.running.folder import step_table
from sophia.cli.running.inert import inert_settings
from sophia.cli.running.preflight import check_values
from sophia.cli.validation.settings import TrainSettings
from sophia.cli.validation.validate import validate
from sophia.grpo.estimators.own import OwnAdvantages
from sophia.grpo.loss import LossConfig
from sophia.grpo.losses.own import OwnPolicyLoss
from sophia.run.metrics_file import read_metrics
from sophia.training.update import UpdateConfig
from tests.commands import SMALL_RUN, run
from tests.composing import composed, options
from tests.grpo.scores import alone, scores_of
from tests.grpo.test_loss import batch_of

PAGE = (ROOT / "docs" / "algorithms.md").read_text()
PRESETS = options("algorithm")
RATES = PAGE.partition("### The papers' rates")[2].partition("```text\n")[2].partition("```")[0]
OWN_MODEL = ("experiment=mine", "model.path=m", "data.train.sources.files=rows.jsonl")


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_a_small_diff_that_builds_and_is_documented(name: str) -> None:
    cfg = composed(f"algorithm={name}")
    validate(cfg, TrainSettings)
    check_values(cfg)
    step_table(cfg, world_size=1)  # 16 prompts divide by its pieces
    assert build(cfg, "algorithm.estimator").min_generations in (1, 2)
    assert isinstance(build(cfg, "algorithm.loss"), LossConfig)
    assert isinstance(build(cfg, "algorithm.update"), UpdateConfig)
    assert f"| `{name}` |" in PAGE
    if name != "grpo":  # which is the whole
        text = (CONFIGS / "algorithm" / f"{name}.yaml").read_text()
        settings = text.partition("  - _self_\n")[2].split("\n")
        assert 1 <= len([line for line in settings if line.strip()]) <= 10
        assert set(OmegaConf.create("\n".join(settings))) <= {"estimator", "loss", "update"}


def test_a_preset_is_named_with_its_paper() -> None:
    named = dict(re.findall(r"^\| `(\w+)` \| (\d{4}\.\d{5}) \|", PAGE, re.MULTILINE))
    assert len(named) >= 12
    for name, paper in named.items():
        first = (CONFIGS / "algorithm" / f"{name}.yaml").read_text().partition("\n")[0]
        assert f"arXiv:{paper}" in first


@pytest.mark.parametrize("name", [n for n in PRESETS if not n.startswith("grpo")])
def test_the_number_of_updates_is_the_documented(name: str) -> None:
    documented = re.search(rf"^\| `{name}` \| (\d+) \|", PAGE, re.MULTILINE)
    assert documented is not None
    update = composed(f"algorithm={name}").algorithm["update"]
    assert update.optimizer_steps_per_rollout * update.num_iterations == int(documented[1])


@pytest.mark.parametrize("line", RATES.splitlines(), ids=lambda line: line.partition(" ")[0])
def test_the_rates_of_a_paper_can_be_pasted(line: str) -> None:
    cfg = composed(*OWN_MODEL, *shlex.split(line))
    validate(cfg, TrainSettings)
    check_values(cfg)
    step_table(cfg, world_size=8 if "prompts_per_step" in line else 1)


def test_there_are_rates_for_every_preset() -> None:
    lines = [line.partition(" ")[0].partition("=")[2] for line in RATES.splitlines()]
    assert sorted([*lines, "grpo_low_kl"]) == PRESETS


def test_nothing_of_a_preset_with_several_updates_is_without_effect() -> None:
    for name in ("dapo", "gspo", "cispo", "gmpo", "sapo", "stable_reinforce"):
        said = inert_settings(composed(f"algorithm={name}"))
        assert [s for s in said if s.startswith("algorithm.loss.policy")] == []


def commands() -> list[str]:
    """What stands behind ``python train.py`` about algorithms in the documents."""
    pages = PAGE + (ROOT / "docs" / "recipes.md").read_text()
    joined = pages.replace("\\\n", " ")
    return re.findall(
        r"^    python train\.py ((?:experiment=quickstart )?algorithm\S*=.*)$", joined, re.M
    )


@pytest.mark.parametrize("command", commands())
def test_a_documented_command_is_valid(command: str) -> None:
    validate(composed(*shlex.split(command, comments=True)), TrainSettings)


def test_there_are_documented_commands() -> None:
    assert len(commands()) >= 9


def documented() -> list[str]:
    """The arguments of the command with an algorithm of one's own."""
    block = PAGE.partition("<!-- test: the example -->")[2].strip("\n").partition("\n\n")[0]
    return block.replace("\\\n", " ").split()[2:]


def test_the_documented_file_is_the_documented_command(tmp_path: Path) -> None:
    configs = shutil.copytree(CONFIGS, tmp_path / "configs")
    block = PAGE.partition("## An algorithm of your own")[2].partition("```yaml\n")[2]
    (configs / "algorithm/mine.yaml").write_text(block.partition("```")[0])
    with initialize_config_dir(config_dir=str(configs), version_base="1.3"):
        cfg = compose("train", overrides=["run_dir=nowhere", "algorithm=mine"])
    validate(cfg, TrainSettings)
    typed = composed("algorithm=grpo", *documented(), "algorithm.loss.beta=0.0")
    assert cfg.algorithm == typed.algorithm


def test_the_example_of_ones_own_does_what_it_says() -> None:
    cfg = composed(*documented())
    check_values(cfg)
    estimator = build(cfg, "algorithm.estimator")
    assert isinstance(estimator, OwnAdvantages)
    scores = scores_of([0.25, 1.0, 0.75, None, 0.5, 0.5], families=[0, 0, 0, 0, 1, 1])
    # 1.0 - 0.75; equal rewards and what could not be graded give nothing
    assert estimator(scores, everywhere=alone).tolist() == [0.0, 0.25, 0.0, 0.0, 0.0, 0.0]

    policy = build(cfg, "algorithm.loss").policy
    assert isinstance(policy, OwnPolicyLoss)
    logps = torch.log(torch.tensor([1.3, 0.7, 2.0, 1.0])).requires_grad_()
    term = policy(logps, torch.zeros(4), batch_of([1, 1, 1, 1], [1.0, -1.0, 0.0, 2.0]))
    # 0.3^2 / 0.6 - 1.3; 0.3^2 / 0.6 + 0.7; nothing without an advantage; -2
    torch.testing.assert_close(term.loss.detach(), torch.tensor([-1.15, 0.85, 0.0, -2.0]))
    (gradient,) = torch.autograd.grad(term.loss.sum(), logps)
    # least at 1 + epsilon and 1 - epsilon; at a ratio of 1 the policy gradient, -A
    torch.testing.assert_close(gradient, torch.tensor([0.0, 0.0, 0.0, -2.0]), atol=1e-6, rtol=0)


@pytest.mark.slow
def test_an_algorithm_of_ones_own_trains(tmp_path: Path) -> None:
    arguments = (*SMALL_RUN, "num_steps=2", *documented(), f"run_dir={tmp_path / 'run'}")
    said = run("train.py", *arguments, cache=tmp_path / "cache")
    assert "Traceback" not in said
    rows = read_metrics(tmp_path / "run" / "metrics.csv")
    assert [row["rl_step"] for row in rows] == ["0", "1"]
    assert all(math.isfinite(float(row["loss"])) for row in rows)
    assert any(float(row["grad_norm"]) > 0.0 for row in rows)
    assert any(float(row["ratio_mean"]) != 1.0 for row in rows)  # it has moved within a rollout
