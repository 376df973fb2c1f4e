"""Rows and a model of one's own: the neutral base, the shipped example, and no judge."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from sophia.cli.command_line.arguments import spelled
from sophia.cli.command_line.thinking import check_thinking, take_judge_away
from sophia.cli.validation.settings import CheckSettings, EvaluateSettings, TrainSettings
from sophia.cli.validation.validate import validate
from tests.commands import ROOT, run
from tests.composing import composed, options

OWN = ("model.path=some/model", "data.train.sources.files=rows.jsonl")


@pytest.mark.parametrize("experiment", ["mine", "none"])
def test_the_base_is_about_no_data_set_and_has_no_judge(experiment: str) -> None:
    cfg = composed(f"experiment={experiment}", *OWN)
    validate(cfg, TrainSettings)
    check_thinking(cfg)
    assert "digit" not in OmegaConf.to_yaml(cfg)
    assert not cfg.judge
    assert not cfg.annealing
    assert not cfg.warm_start
    assert cfg.reward.thinking is None
    assert cfg.reward.trust is False
    assert cfg.sampling.max_new_tokens == 1024
    assert cfg.algorithm.optimizer.lr <= 1e-6
    assert cfg.model.gradient_checkpointing


def test_what_only_the_user_can_say_is_asked_for_by_name() -> None:
    with pytest.raises(
        ValueError, match=r"model\.path=\.\.\. .*data\.train\.sources\.files=\.\.\."
    ):
        validate(composed("experiment=mine"), TrainSettings)
    with pytest.raises(ValueError, match=r"^still to be said: model\.path=") as caught:
        validate(composed("experiment=mine", "data=example"), TrainSettings)
    assert "files" not in str(caught.value)


def test_evaluation_of_a_policy_of_no_run_asks_no_digits() -> None:
    cfg = composed("ckpt=somewhere", "data=example", config="evaluate")
    validate(cfg, EvaluateSettings)
    assert "digit" not in OmegaConf.to_yaml(cfg)


def test_the_check_is_of_the_same_settings() -> None:
    validate(composed("experiment=mine", *OWN, config="check"), CheckSettings)


@pytest.mark.parametrize("group", ["experiment", "judge", "annealing", "warm_start"])
def test_null_is_a_choice(group: str) -> None:
    assert spelled([f"{group}=null", "seed=null", "a=b"]) == [f"{group}=none", "seed=null", "a=b"]


def test_flags_may_stand_anywhere_and_take_their_value_either_way() -> None:
    typed = ["a=b", "-c", "job", "-cd", "x y", "c=d", "--config-dir", "z", "-m", "--package=p"]
    first = ["--cfg=job", "--config-dir=x y", "--config-dir=z", "-m", "--package=p", "--cfg"]
    typed.append("--cfg")  # without its value
    assert spelled(typed) == [*first, "a=b", "c=d"]


@pytest.mark.parametrize("experiment", options("experiment"))
def test_every_recipe_runs_without_its_judge(experiment: str) -> None:
    cfg = composed(f"experiment={experiment}", "judge=none", *OWN[: experiment in ("mine", "none")])
    typed = [f"experiment={experiment}", "judge=none"]
    take_judge_away(cfg, typed)
    check_thinking(cfg, typed)
    assert cfg.reward.thinking is None
    assert cfg.annealing is None or not cfg.annealing


@pytest.mark.parametrize(
    ("typed", "named"),
    [
        (["judge=none", "annealing=linear"], "annealing=linear"),
        (["judge=none", "annealing.start=0.5"], "annealing.start=0.5"),
        (["judge=none", "reward.trust=true"], "reward.trust=true"),
        (["judge=none", "reward.trust=false"], "reward.trust=false"),
        (["judge=none", "reward=gated"], "reward.trust"),
        (["judge=none", "callbacks.validation.metric=thinking"], "callbacks.validation.metric"),
        (["experiment=mine", "model.path=m", "reward=paper"], "reward.trust"),
        (["experiment=mine", "model.path=m", "annealing=cosine"], "annealing=cosine"),
    ],
)
def test_a_thinking_reward_without_a_judge_is_refused(typed: Sequence[str], named: str) -> None:
    cfg = composed(*typed)
    take_judge_away(cfg, typed)
    with pytest.raises(ValueError, match=rf"^{re.escape(named)}\S* is about the thinking reward"):
        check_thinking(cfg, typed)


def test_a_thinking_reward_without_a_weight_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no weight \(annealing=none\); choose annealing="):
        check_thinking(composed("annealing=none"), ["annealing=none"])


def test_a_weight_of_nothing_is_refused_with_the_reason(tmp_path: Path) -> None:
    said = run("train.py", "experiment=mine", *OWN, "annealing.start=0.5", cache=tmp_path, expect=1)
    assert "annealing.start is about the thinking reward, but there is no judge" in said


def test_the_headline_of_a_run_without_its_judge_names_no_annealing(tmp_path: Path) -> None:
    refused = ("judge=none", "algorithm.loss.policy.dual_clip=0.5", f"run_dir={tmp_path / 'run'}")
    said = run("train.py", *refused, cache=tmp_path, expect=1)
    assert "annealing=none, judge=none" in said
    assert "not judged" in said


@pytest.mark.slow
def test_the_example_is_trained_and_evaluated_as_documented(taught: Path, tmp_path: Path) -> None:
    command = documented().replace("MODEL", f"{taught / 'run' / 'policy'}")
    own = tmp_path / "run"
    said = run(*command.split()[1:], f"run_dir={own}", cache=tmp_path)
    with (own / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 20
    assert max(float(row["grad_norm"]) for row in rows) > 0.0
    assert max(float(row["accuracy"]) for row in rows) > 0.2
    assert not [column for column in rows[0] if "thinking" in column or "trust" in column]
    line = next(line for line in said.splitlines() if line.strip().startswith("python evaluate.py"))
    asked = run(*line.split()[1:], f"run_dir={tmp_path / 'evaluation'}", cache=tmp_path)
    assert "16 questions, seed 0, greedy" in " ".join(asked.split())
    assert "judge" in asked.splitlines()[0]  # the run's own, which has none
    records = (tmp_path / "evaluation").glob("records-*.jsonl")
    assert '"thinking": null' in next(records).read_text()


def documented() -> str:
    """The command of docs/recipes.md that trains the example on a laptop, on one line."""
    text = (ROOT / "docs" / "recipes.md").read_text()
    block = text.partition("<!-- test: the example -->")[2].strip("\n").partition("\n\n")[0]
    return " ".join(block.replace("\\\n", " ").split())
