"""What --help says is true, and the console script finds its files."""

from __future__ import annotations

import importlib
import os
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

import sophia
import sophia.cli.start  # which shows Hydra where our launcher is
from sophia.cli.command_line.arguments import spelled
from sophia.cli.commands import COMMANDS, CONFIGS, ROOT, usage
from sophia.cli.help import help_text, root_keys
from tests.commands import run

NAMES = sorted(COMMANDS)
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXAMPLES = [(name, typed) for name in NAMES for typed, _ in COMMANDS[name].examples]


@pytest.mark.parametrize("name", NAMES)
def test_help_says_what_it_does_what_it_needs_and_three_examples(name: str) -> None:
    command, said = COMMANDS[name], help_text(COMMANDS[name])
    assert 1 <= command.does.count(". ") + 1 <= 4
    assert " ".join(command.does.split()) in " ".join(said.split())
    assert f"required: {', '.join(command.required) or 'nothing'}\n" in said
    assert len(command.examples) == 3
    for typed, about in command.examples:
        assert f"  {command.called} {typed}".rstrip() + f"\n      {about}\n" in said
    assert max(map(len, said.splitlines())) <= 120


@pytest.mark.parametrize("name", NAMES)
def test_every_root_key_has_a_meaning_and_its_value(name: str) -> None:
    keys = {key.name: key for key in root_keys(COMMANDS[name].config)}
    groups = {path.name for path in CONFIGS.iterdir() if path.is_dir()}
    assert not [key.name for key in keys.values() if not key.meaning and key.name not in groups]
    loaded = OmegaConf.to_container(OmegaConf.load(CONFIGS / f"{COMMANDS[name].config}.yaml"))
    assert isinstance(loaded, dict)
    assert set(loaded) - {"defaults", "hydra"} <= set(keys)
    if name == "train":
        said = " ".join(help_text(COMMANDS[name]).split())
        assert "num_generations completions per prompt [8]" in said


@pytest.mark.parametrize("name", ["train", "check", "plan"])
def test_reward_terms_are_told_one_by_one(name: str) -> None:
    said = help_text(COMMANDS[name])
    table = said.partition("none or several of a group, such as reward_terms=[")[2]
    for path in sorted((CONFIGS / "reward_terms").glob("*.yaml")):
        package, about = path.read_text().splitlines()[:2]
        assert package == "# @package reward.extra"
        assert f"  {path.stem}" in table
        assert about.removeprefix("# ") in " ".join(table.split())
    assert "reward_terms  " not in said  # not among groups of one choice


@pytest.mark.parametrize(("name", "typed"), EXAMPLES)
def test_every_example_composes(name: str, typed: str) -> None:
    words = [word for word in shlex.split(typed) if word != "-m"]
    if "-m" in shlex.split(typed):
        words = [word.partition(",")[0] for word in words]  # the first run of a sweep
    with initialize_config_dir(version_base="1.3", config_dir=str(CONFIGS)):
        cfg = compose(COMMANDS[name].config, overrides=spelled(words))
    for key in COMMANDS[name].required:
        assert OmegaConf.select(cfg, key) is not None


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NAMES if COMMANDS[name].required])
def test_without_its_required_keys_a_command_names_them(name: str, cache: Path) -> None:
    script = COMMANDS[name].script
    arguments = (script.name,) if script else ("-m", "sophia", name)
    last = run(*arguments, cache=cache, expect=1).splitlines()[-1]
    assert last.startswith("error: ")
    assert all(key in last for key in COMMANDS[name].required)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("evalute", "evaluate"), ("eval", "evaluate"), ("test", "evaluate"), ("predict", "infer"),
        ("chat", "infer"), ("generate", "infer"), ("Convert", "export"), ("merge", "export"),
        ("ui", "report"), ("show", "report"), ("dashbord", "report"),
        ("judge_check", "judge-check"),
        ("fit", "train"), ("insp", "inspect"),
    ],
)  # fmt: skip
def test_verbs_of_other_programs_lead_to_ours(typed: str, meant: str) -> None:
    assert f"Did you mean {meant!r}?" in usage(typed)


def test_words_of_other_programs_are_of_one_command_each() -> None:
    words = [word for command in COMMANDS.values() for word in command.also]
    assert len(words) == len(set(words))
    assert not set(words) & set(COMMANDS)
    assert "Did you mean" not in usage("xyzzy")


def sophia_command(
    *arguments: str, cwd: Path, package: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    """The console script: its entry function, in a new interpreter, from another folder."""
    module, _, function = PYPROJECT["project"]["scripts"]["sophia"].partition(":")
    code = f"import sys; from {module} import {function}; sys.argv[0] = 'sophia'; {function}()"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=cwd, env={**os.environ, "PYTHONPATH": str(package)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["--version"], 0, f"sophia {sophia.__version__}\n"),
        ([], 0, "usage: python -m sophia COMMAND"),
        (["help"], 0, "usage: python -m sophia COMMAND"),
        (["help", "train"], 0, "python train.py [GROUP=CHOICE ...]"),
        (["export", "--help"], 0, "required: ckpt, out\n"),
        (["help", "evalute"], 2, "Did you mean 'evaluate'?"),
        (["train", "lr=1"], 1, "unknown key lr; did you mean 'algorithm.optimizer.lr'?"),
        (["judge-check", "judge=constant"], 1, "judge-check is for judges behind a server"),
    ],
)
def test_the_console_script_works_in_any_folder(
    arguments: list[str], status: int, said: str, tmp_path: Path
) -> None:
    done = sophia_command(*arguments, cwd=tmp_path)
    assert done.returncode == status, done.stderr
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_without_configs_it_says_so(tmp_path: Path) -> None:
    """As after an install that copies the package alone."""
    shutil.copytree(ROOT / "sophia", tmp_path / "sophia")
    done = sophia_command("train", cwd=tmp_path, package=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("error: the commands need configs/, train.py and evaluate.py")
    assert "pip install -e ." in done.stderr


def test_the_version_has_one_home() -> None:
    assert "version" in PYPROJECT["project"]["dynamic"]
    module, _, name = PYPROJECT["tool"]["setuptools"]["dynamic"]["version"]["attr"].rpartition(".")
    assert getattr(importlib.import_module(module), name) == sophia.__version__
