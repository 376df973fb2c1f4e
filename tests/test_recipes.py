"""The recipes: their numbers, the 7B's from end to end on a tiny model, a checker of one's own."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from subprocess import PIPE, STDOUT
from textwrap import dedent

import pytest
import torch
from transformers import AutoModelForImageTextToText

from sophia.measure.disk import plan_disk
from sophia.run.metrics_file import read_metrics
from tests.commands import ROOT, SHORT_WARM_START, run
from tests.composing import composed, options
from tests.once import made_once

CPU = ("train.py", "experiment=sophiavl_7b_cpu", *SHORT_WARM_START)


@pytest.mark.parametrize("name", [n for n in options("experiment") if n.startswith("sophiavl")])
def test_recipes_share_the_papers_numbers(name: str) -> None:
    cfg = composed(f"experiment={name}")
    assert cfg.num_generations == 8
    assert (cfg.algorithm.loss.beta, cfg.algorithm.loss.kl_estimator) == (0.04, "k3")
    assert (cfg.annealing.start, cfg.annealing.decay_steps) == (0.3, cfg.num_steps)
    assert cfg.reward.trust is True
    assert cfg.trainer.strategy._target_ == "sophia.training.strategy.ShardedStrategy"
    assert cfg.model.gradient_checkpointing is True


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, taught: Path) -> Path:
    """Three steps of the 7B recipe on two processes and the warm-started tiny model."""

    def make(root: Path) -> None:
        run(*CPU, f"run_dir={root / 'run'}", cache=taught / "cache")

    return made_once(tmp_path_factory, "recipe", make) / "run"


@pytest.mark.slow
def test_the_7b_recipe_runs_on_a_cpu(finished: Path) -> None:
    rows = read_metrics(finished / "metrics.csv")
    assert [row["rl_step"] for row in rows] == ["0", "1", "2"]
    assert all(row["optim/skipped_steps"] == "0.0" for row in rows)
    assert float(rows[0]["kl"]) == 0.0
    assert all(float(row["reward"]) > 0.1 for row in rows)  # it begins where it can be right
    names = sorted(path.name for path in (finished / "checkpoints").iterdir())
    assert names == [f"step_{step:06d}.ckpt" for step in (1, 2, 3)]  # the last two and the best
    AutoModelForImageTextToText.from_pretrained(finished / "policy")


@pytest.mark.slow
def test_a_checkpoint_is_as_large_as_planned(finished: Path) -> None:
    model = AutoModelForImageTextToText.from_pretrained(finished / "policy")
    planned = plan_disk(model, moments=2, num_kept=3, keeps_best=False, policy_dtype=torch.float32)
    shards = (finished / "checkpoints" / "step_000003.ckpt").glob("*.distcp")
    size = sum(shard.stat().st_size for shard in shards)
    assert size == pytest.approx(planned.checkpoint, rel=0.1)  # a tiny model has large headers
    weights = (finished / "policy" / "model.safetensors").stat().st_size
    assert weights == pytest.approx(planned.policy, rel=0.02)


@pytest.mark.slow
def test_one_process_goes_on_before_a_damaged_checkpoint(finished: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(finished, folder)
    (folder / "checkpoints" / "step_000003.ckpt" / "__1_0.distcp").write_bytes(b"")
    arguments = (f"run_dir={folder}", "resume=true", "trainer.devices=1")
    output = run(*CPU, *arguments, cache=finished.parent / "cache")
    assert "step_000003.ckpt is damaged" in output
    rows, again = (read_metrics(path / "metrics.csv") for path in (finished, folder))
    assert again[:2] == rows[:2]
    for name in ("reward", "kl", "entropy", "completions/mean_length"):
        assert float(again[2][name]) == pytest.approx(float(rows[2][name]), abs=1e-2)


@pytest.mark.slow
def test_a_checkpoint_is_exported_by_one_command(finished: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = ("-m", "sophia", "export", f"ckpt={finished / 'checkpoints' / 'step_000003.ckpt'}")
    run(*command, f"out={out}", cache=tmp_path)
    mine = AutoModelForImageTextToText.from_pretrained(out).state_dict()
    policy = AutoModelForImageTextToText.from_pretrained(finished / "policy").state_dict()
    assert all((mine[name] == value).all() for name, value in policy.items())
    assert "exists already" in run(*command, f"out={out}", cache=tmp_path, expect=1)


@pytest.fixture(scope="module")
def with_dates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources to which the recipe "A checker" was done, word by word."""
    root = tmp_path_factory.mktemp("checker")
    for folder in ("sophia", "tests/rewards"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    (root / "tests/__init__.py").touch()
    recipe = (ROOT / "docs/recipes.md").read_text().partition("## A checker")[2]
    blocks = re.findall(r"( *)```\w+\n(.*?)\1```", recipe, re.DOTALL)
    cases, section = (dedent(block) for _, block in blocks[:2])
    (root / "docs").mkdir()
    (root / "docs/rewards.md").write_text((ROOT / "docs/rewards.md").read_text() + section)
    (root / "tests/rewards/cases/date.json").write_text(cases)
    _edit(root / "tests/rewards/truth_table.py", '"text")\n', '"text", "date")\n')
    shutil.copy(ROOT / "docs/examples/date.py", root / "sophia/rewards/checkers")
    outcome = root / "sophia/rewards/outcome.py"
    imports = "from sophia.rewards.checkers.date import check_date\n"
    _edit(
        outcome, "from sophia.rewards.checkers.math", imports + "from sophia.rewards.checkers.math"
    )
    _edit(outcome, 'Checker] = {\n    "math"', 'Checker] = {\n    "date": check_date,\n    "math"')
    return root


def _edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def _python(*arguments: str, root: Path) -> str:
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=root, text=True, stdout=PIPE, stderr=STDOUT, check=False)
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.mark.slow
def test_a_checker_of_ones_own_becomes_a_rule(with_dates: Path) -> None:
    _python("-m", "tests.rewards.truth_table", root=with_dates)
    table = (with_dates / "docs/rewards.md").read_text().partition("<!-- table: date -->")[2]
    assert "| `20 July 1969` | `1969-07-20` | 1 |  |" in table
    assert "| `in summer` | `1969-07-20` | 0 | not a day |" in table
    assert "| `1969-07-20` | `unknown` | None |  |" in table
    arguments = ("-q", "-p", "no:cacheprovider", "tests/rewards/test_truth_table.py", "-k", "date")
    assert "5 passed" in _python("-m", "pytest", *arguments, root=with_dates)
