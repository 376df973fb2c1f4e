"""The front door opens at once: what it imports before a command line has been understood."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from sophia.cli.commands import COMMANDS, ROOT
from sophia.cli.help import help_text
from sophia.cli.validation.signatures import signature_of

STANDARD = set(sys.stdlib_module_names)
HYDRA = {"hydra", "omegaconf", "antlr4", "yaml", "_yaml", "hydra_plugins", "attr", "packaging"}
INSTALLED = {"site", "sitecustomize", "usercustomize", "distutils-precedence", "_distutils_hack"}


def imported_by(code: str) -> set[str]:
    """Top-level packages that a fresh interpreter has after ``code``."""
    command = [sys.executable, "-c", f"{code}; import sys; print(*sys.modules, file=sys.stderr)"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    packages = {name.split(".")[0] for name in done.stderr.split()}
    ours = {p for p in packages if p.startswith(("__editable__", "_cython", "cython_runtime"))}
    return packages - STANDARD - INSTALLED - ours - {"__main__", "sophia", "train", "evaluate"}


def test_the_list_of_commands_needs_the_standard_library_alone() -> None:
    assert imported_by("import sophia.__main__") == set()


def test_composing_needs_hydra_alone() -> None:
    assert imported_by("import sophia.cli.start") <= HYDRA
    assert imported_by("import train, evaluate") <= HYDRA


def test_a_misspelt_key_needs_no_library_that_computes(tmp_path: Path) -> None:
    code = (
        "import train, sys\n"
        f"sys.argv = ['train.py', '+algorithm.loss.betta=1', 'run_dir={tmp_path}']\n"
        "from sophia.cli.start import start\n"
        "try:\n    start('train', train.train)\nexcept SystemExit: pass\n"
        "import io; sys.stdout = io.StringIO()"
    )
    heavy = {"torch", "lightning", "transformers", "sympy", "vllm", "numpy", "matplotlib", "PIL"}
    assert not imported_by(code) & heavy


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_its_configuration_and_its_function(name: str) -> None:
    command = COMMANDS[name]
    assert (ROOT / "configs" / f"{command.config}.yaml").is_file()
    if command.script is not None:
        assert command.script.is_file()
    else:
        module, _, function = command.function.partition(":")
        source = ROOT.joinpath(*module.split(".")).with_suffix(".py").read_text()
        assert f"def {function}(cfg: DictConfig)" in source


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        ([], 0, "judge-check  is the judge there?"),
        (["--help"], 0, "usage: python -m sophia COMMAND [key=value ...]\n"),
        (["evalute"], 2, "Did you mean 'evaluate'?"),
    ],
)
def test_the_list(arguments: list[str], status: int, said: str) -> None:
    command = [sys.executable, "-m", "sophia", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == status
    assert said in (done.stdout if status == 0 else done.stderr)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_help_names_groups_choices_and_keys(name: str) -> None:
    said = help_text(COMMANDS[name])
    settings = signature_of(f"sophia.cli.validation.settings.{COMMANDS[name].settings}").parameters
    for key in settings:
        assert re.search(rf"\b{key}\b", said), key
    if name == "train":
        assert "  judge          none, constant, digits, http\n" in said
        assert "hydra" not in said.replace("--hydra-help", "")


def test_help_is_said_without_a_run(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "train.py"), "--help"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("python train.py [GROUP=CHOICE ...] [KEY=VALUE ...]: one run")
    assert not list(tmp_path.iterdir())
