"""`evaluate` asks what the run asked, unless it is told otherwise."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from sophia.cli.command_line.arguments import spelled
from sophia.cli.command_line.run_defaults import asked_as_in_training
from sophia.cli.running.build import build
from sophia.cli.validation.settings import EvaluateSettings
from sophia.cli.validation.validate import validate
from sophia.rewards.judge.http import HTTPJudge
from tests.commands import ROOT, run
from tests.composing import composed as compose_train

KEYS = [field.name for field in fields(EvaluateSettings)]

CONFIG = """
seed: 3
sampling: {{max_new_tokens: 77}}
template: {{system: "Be brief.", question: "{{question}}"}}
prompt_limits: {{max_pixels: 5}}
data:
  train: {{limit: {limit}}}
  heldout: {{limit: 9, split: "${{data.train.limit}}", seed: "${{seed}}"}}
"""


def make_run(folder: Path, *, limit: int = 5) -> Path:
    (folder / "model").mkdir(parents=True)
    (folder / "checkpoints").mkdir()
    (folder / "config.yaml").write_text(CONFIG.format(limit=limit))
    return folder


def composed(*arguments: str) -> DictConfig:
    with (
        initialize_config_dir(version_base="1.3", config_dir=str(ROOT / "configs")),
        asked_as_in_training(arguments, KEYS) as all_of_them,
    ):
        return compose("evaluate", overrides=list(all_of_them))


@pytest.mark.parametrize("part", ["", "checkpoints/step_000002.ckpt", "policy", "best/x.ckpt"])
def test_the_runs_questions_with_the_evaluations_seed(
    part: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_run(tmp_path / "run")
    (folder / part).mkdir(parents=True, exist_ok=True)
    cfg = composed(f"ckpt={folder / part}", "seed=1")
    assert cfg.data.heldout == {"limit": 9, "split": 5, "seed": 1}
    assert cfg.template == {"system": "Be brief.", "question": "{question}"}
    assert cfg.prompt_limits == {"max_pixels": 5}
    assert cfg.evaluation.max_new_tokens == 77
    said = capsys.readouterr().out
    assert said.startswith(f"data, template, prompt_limits, sampling.max_new_tokens as in {folder}")
    assert said.count("\n") == 1


def test_what_is_typed_wins(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make_run(tmp_path / "run")
    cfg = composed(
        f"ckpt={folder}", "template=plain", "data.heldout.limit=4", "sampling.max_new_tokens=6"
    )
    assert cfg.data.heldout.limit == 4
    assert cfg.data.heldout.split == 5
    assert cfg.template._target_ == "sophia.data.template.PromptTemplate"
    assert cfg.sampling.max_new_tokens == 6
    assert capsys.readouterr().out.startswith(f"data, prompt_limits as in {folder}")


def test_a_policy_of_no_run_is_asked_the_defaults(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.yaml").write_text("a: 1\n")  # of something else
    cfg = composed(f"ckpt={tmp_path}")
    plain = composed()
    plain.ckpt = str(tmp_path)
    assert cfg == plain
    assert capsys.readouterr().out == ""


def test_runs_side_by_side_must_ask_the_same(tmp_path: Path) -> None:
    one, same = make_run(tmp_path / "one"), make_run(tmp_path / "same")
    other = make_run(tmp_path / "other", limit=6)
    assert composed(f"ckpt=[{one},{same}]").data.heldout.limit == 9
    with pytest.raises(ValueError, match=r"one and .*other differ in data; say which by data="):
        composed(f"ckpt=[{one},{other}]")
    assert "digits" in composed(f"ckpt=[{one},{other}]", "data=digits").data.heldout._target_


def test_what_is_no_policy_is_said_before_what_it_would_have_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"ckpt=.*nowhere does not exist; give a run folder"):
        validate(composed(f"ckpt={tmp_path}/nowhere"), EvaluateSettings)
    with pytest.raises(ValueError, match=r"ckpt=.* is neither of them; give a run folder"):
        validate(composed(f"ckpt={tmp_path}"), EvaluateSettings)


@pytest.mark.slow
def test_a_finished_run_is_asked_its_own_questions(
    finished: Path, tmp_path: Path, cache: Path
) -> None:
    own = run("evaluate.py", f"ckpt={finished}", f"run_dir={tmp_path / 'own'}", cache=cache)
    assert f"sampling.max_new_tokens as in {finished}" in own
    assert "8 questions, seed 0" in " ".join(own.split())  # the default would be 768
    arguments = ("evaluate.py", f"ckpt={finished}", "data.heldout.num_prompts=3")
    fewer = run(*arguments, f"run_dir={tmp_path / 'fewer'}", cache=cache)
    assert "3 questions, seed 0" in " ".join(fewer.split())


OLDER = """
evaluation: {_target_: sophia.evaluation.evaluator.Evaluator, max_new_tokens: 9, num_samples: 2}
reward:
  outcome: {_target_: sophia.rewards.outcome.OutcomeReward}
  format: {_target_: sophia.rewards.format.FormatRule, pattern: release}
"""


def test_a_run_from_before_a_setting_can_be_asked_with_it(tmp_path: Path) -> None:
    older, newer = make_run(tmp_path / "older"), make_run(tmp_path / "newer")
    for folder, settings in (
        (older, OLDER),
        (newer, OLDER.replace("Evaluator,", "Evaluator, extract: tagged,")),
    ):
        (folder / "config.yaml").write_text(CONFIG.format(limit=5) + settings)
    cfg = composed(f"ckpt={older}", "evaluation.extract=lenient")
    assert (cfg.evaluation.extract, cfg.evaluation.num_samples) == ("lenient", 2)
    assert cfg.reward.outcome.extract == "tagged"
    assert cfg.reward.format == {"_target_": "sophia.rewards.format.ReleaseFormat"}
    assert composed(f"ckpt=[{older},{newer}]").evaluation.extract == "tagged"


def judged_run(folder: Path, *overrides: str) -> Path:
    """The folder of a run with a served judge."""
    make_run(folder)
    cfg = compose_train("judge=http", "judge.model=thinker", *overrides)
    (folder / "config.yaml").write_text(OmegaConf.to_yaml(OmegaConf.create({"judge": cfg.judge})))
    return folder


def test_the_judge_is_asked_about_in_the_runs_words_or_in_those_that_are_typed(
    tmp_path: Path,
) -> None:
    folder = judged_run(tmp_path / "run", "judge_prompt@judge.prompt=short")
    judge = composed(f"ckpt={folder}").judge
    assert judge.model == "thinker"
    assert judge.prompt._target_.endswith(".ShortPrompt")
    typed = composed(*spelled([f"ckpt={folder}", "judge_prompt=release"])).judge
    assert typed.model == "thinker"
    assert typed.prompt._target_.endswith(".ReleasePrompt")
    assert composed(f"ckpt={folder}", "judge.prompt.sees=thinking").judge.prompt.sees == "thinking"


def test_an_exported_folder_from_before_the_judge_had_a_prompt(tmp_path: Path) -> None:
    judge = {
        "_target_": "sophia.rewards.judge.http.HTTPJudge", "sees": "thinking", "model": "thinker",
        "calls": {"_target_": "sophia.rewards.judge.calls.CallSettings", "max_tokens": 9},
        "breaker": {"_target_": "sophia.rewards.judge.ledger.Breaker"},
        "prices": {
            "_target_": "sophia.rewards.judge.ledger.Prices", "prompt": None, "completion": None,
        },
    }  # fmt: skip
    (tmp_path / "sophia.yaml").write_text(OmegaConf.to_yaml(OmegaConf.create({"judge": judge})))
    cfg = composed(f"ckpt={tmp_path}")
    assert cfg.judge.prompt.sees == "thinking"
    assert cfg.judge.calls.max_tokens == 9
    built = build(cfg, "judge")
    assert isinstance(built, HTTPJudge)
    built.close()
