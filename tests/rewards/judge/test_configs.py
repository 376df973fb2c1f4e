"""The shipped judges, built from their files."""

from __future__ import annotations

from pathlib import Path

import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf

from sophia.metrics import values
from sophia.rewards.judge.constant import ConstantJudge
from sophia.rewards.judge.http import HTTPJudge
from tests.composing import composed
from tests.rewards.judge_builders import completion, prompt

CONFIGS = Path("configs/judge")


def http() -> HTTPJudge:
    judge: HTTPJudge = instantiate(composed("judge=http").judge)
    return judge


def test_without_an_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_URL", "OPENAI_API_KEY", "REWARD_MODEL"):
        monkeypatch.delenv(name, raising=False)
    judge = http()
    assert (judge.chat.url, judge.chat.model) == (
        "http://127.0.0.1:8000/v1",
        "thinking-reward-model",
    )


def test_the_environment_of_the_release(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_URL", "http://127.0.0.1:9/v1/chat/completions")
    monkeypatch.setenv("REWARD_MODEL", "0815")
    judge = http()
    assert (judge.chat.url, judge.chat.model) == ("http://127.0.0.1:9/v1", "0815")


def test_constant() -> None:
    judge: ConstantJudge = instantiate(OmegaConf.load(CONFIGS / "constant.yaml"))
    step = judge.open_step()
    assert step.submit(prompt(), [completion("a"), completion("b")]).result() == (0.5, 0.5)
    assert values(step.metrics()) == {}
    judge.close()


def test_a_constant_is_a_score() -> None:
    with pytest.raises(ValueError, match=r"expected a number in \[0, 1\]"):
        ConstantJudge(1.5)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("calls.max_concurrent", 0),
        ("calls.timeout_s", 0),
        ("calls.structured", "yes"),
        ("calls.temperature", -1.0),
        ("prompt.sees", "all"),
    ],
)
def test_senseless_settings(key: str, value: object) -> None:
    config = composed("judge=http").judge
    OmegaConf.update(config, key, value)
    with pytest.raises(Exception, match=r"expected|auto, always or never"):
        instantiate(config)
