"""The recipe for a reward term of one's own, as docs/recipes.md has it."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

from sophia.cli.commands import CONFIGS
from sophia.cli.running.build import build
from sophia.cli.validation.settings import TrainSettings
from sophia.cli.validation.validate import validate
from sophia.types import RewardPart
from tests.builders import completion, graded, term_parts
from tests.composing import composed, filled

RECIPE = (CONFIGS.parent / "docs/recipes.md").read_text().partition("completions of a group**")[2]
YAML, PYTHON = re.findall(r"```\w+\n(.*?)```", RECIPE, re.DOTALL)[:2]


@pytest.fixture(scope="module")
def cfg(tmp_path_factory: pytest.TempPathFactory) -> DictConfig:
    configs = shutil.copytree(CONFIGS, tmp_path_factory.mktemp("own") / "configs")
    (configs / "experiment/terms.yaml").write_text(YAML)
    with initialize_config_dir(config_dir=str(configs), version_base="1.3"):
        return filled(compose("train", overrides=["run_dir=nowhere", "experiment=terms"]))


def values(parts: tuple[RewardPart, ...]) -> list[tuple[float | None, float]]:
    return [(part.value, part.weight) for part in parts]


def test_the_documented_terms_are_understood_without_importing_them(cfg: DictConfig) -> None:
    validate(cfg, TrainSettings)
    assert "docs.examples.consistency" not in sys.modules


def test_a_function_compares_the_completions_of_a_group(cfg: DictConfig) -> None:
    shortest = build(cfg, "reward.extra.shortest")
    group = graded([completion(num_tokens=n) for n in (9, 5, 3, 5)], outcomes=(1.0, 1.0, 0.0, None))
    assert values(term_parts(shortest, group)) == [(0, 0.2), (1, 0.2), (0, 0.2), (0, 0.2)]


def test_a_class_weighs_each_completion(cfg: DictConfig) -> None:
    term = build(cfg, "reward.extra.consistent")
    texts = [
        "<think>First 5.\nSo it is 4.</think><answer>4</answer>",
        "<think>It is 4.\nNo, it is 5.</think><answer>4</answer>",
        "<think>So it is 6.</think><answer>6</answer>",
        "<answer>4</answer>",
    ]
    group = graded([completion(text) for text in texts], outcomes=(1.0, 1.0, 0.0, None))
    assert values(term_parts(term, group)) == [(1, 0.5), (-1, 0.5), (1, 0.0), (-1, 0.0)]
    term.close()


def test_a_rule_of_ones_own_is_a_class_of_a_few_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_terms.py").write_text(PYTHON)
    monkeypatch.syspath_prepend(tmp_path)
    node = "+reward.extra.brief={_target_: my_terms.WordLimit, most_words: 3, weight: 0.1}"
    cfg = composed(node)
    validate(cfg, TrainSettings)
    with pytest.raises(
        ValueError, match=r"unknown key reward\.extra\.brief\.most_word;.*'most_words'"
    ):
        validate(composed(node.replace("words", "word")), TrainSettings)
    group = graded([completion("one two three"), completion("one two three four")])
    assert values(term_parts(build(cfg, "reward.extra.brief"), group)) == [(1, 0.1), (0, 0.1)]
