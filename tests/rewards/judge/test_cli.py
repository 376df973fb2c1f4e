"""The verb `judge-check`, from the configuration to the printed report."""

from __future__ import annotations

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

from sophia.cli.validation.settings import JudgeCheckSettings
from sophia.cli.validation.validate import validate
from sophia.cli.verbs.judge_check import judge_check
from tests.rewards.judge.test_check import discerning
from tests.rewards.judge_server import JudgeServer


def config(*overrides: str) -> DictConfig:
    with initialize_config_dir(str(Path("configs").absolute()), version_base="1.3"):
        return compose("judge_check", overrides=list(overrides))


def test_fit(capsys: pytest.CaptureFixture[str]) -> None:
    with JudgeServer(discerning) as server:
        fit = judge_check(config(f"judge.url={server.url}/chat/completions"))
    printed = capsys.readouterr().out
    assert fit
    for part in (server.url, "thinking-reward-model", "0.9 in", "0.1 in", "verdict  fit"):
        assert part in printed


def test_not_fit(capsys: pytest.CaptureFixture[str]) -> None:
    server = JudgeServer()
    server.start()
    server.stop()
    assert not judge_check(config(f"judge.url={server.url}"))
    assert "Nobody listens there" in capsys.readouterr().out


def test_a_typo_is_refused() -> None:
    with pytest.raises(ValueError, match=r"unknown key judge\.calls\.timout_s.*timeout_s"):
        validate(config("+judge.calls.timout_s=3"), JudgeCheckSettings)


def test_other_judges_need_no_check() -> None:
    with pytest.raises(ValueError, match="ConstantJudge needs none"):
        judge_check(config("judge=constant"))
