"""Signatures read from source are those that Python gives after importing."""

from __future__ import annotations

import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal

import pytest

from sophia.cli.commands import CONFIGS, ROOT
from sophia.cli.validation.signatures import signature_of

TARGETS = sorted(
    {
        target
        for file in CONFIGS.rglob("*.yaml")
        for target in re.findall(r"_target_: *([\w.]+)", file.read_text())
    }
)


@pytest.mark.parametrize("target", TARGETS)
def test_every_shipped_target_is_read_as_python_sees_it(target: str) -> None:
    module, _, name = target.rpartition(".")
    parameters = inspect.signature(getattr(importlib.import_module(module), name)).parameters
    variable = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    real = {n: p.default is p.empty for n, p in parameters.items() if p.kind not in variable}
    read = signature_of(target)
    assert {n: p.required for n, p in read.parameters.items()} == real
    assert list(read.parameters) == list(real)
    assert read.open_ended == any(p.kind is p.VAR_KEYWORD for p in parameters.values())


def test_reading_them_imports_nothing() -> None:
    code = (
        "import sys; from sophia.cli.validation.signatures import signature_of;"
        f" [signature_of(t) for t in {TARGETS!r}];"
        " print(sorted({'torch', 'lightning', 'transformers', 'sophia.grpo'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", code]
    output = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert output.strip() == "[]"


def test_plain_annotations_are_types_and_classes_are_anything() -> None:
    read = signature_of("sophia.grpo.loss.LossConfig").parameters
    assert read["beta"].annotation is float
    assert read["kl_estimator"].annotation == Literal["k1", "k2", "k3"]  # of another module
    assert read["policy"].annotation is Any
    clipped = signature_of("sophia.grpo.losses.clipped.Clipped").parameters
    assert clipped["dual_clip"].annotation == float | None
    assert clipped["ratio_level"].annotation == Literal["token", "sequence"]  # of another module
    module = signature_of("sophia.training.grpo_module.GRPOModule").parameters
    assert module["policy_folder"].annotation is Path
    assert module["update"].annotation is Any


SOURCE = '''
from dataclasses import dataclass
from tests.cli.shapes_of_signatures import Base as Renamed

@dataclass(frozen=True)
class Own(Renamed):
    count: int
    name: str = "x"

class Inherits(Own):
    """No constructor of its own."""

class Nothing:
    size = 3

class Open:
    def __init__(self, first, /, second=1, *rest, third, fourth=2, **others): ...

def function(a: int, *, b: "str" = "y") -> None: ...
'''
BASE = """
from dataclasses import dataclass

@dataclass(frozen=True)
class Base:
    root: str
"""


def test_inheritance_functions_and_open_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shapes_pkg").mkdir()
    (tmp_path / "shapes_pkg/__init__.py").write_text("from .inner import *\nfrom .inner import Own")
    source = SOURCE.replace("tests.cli.shapes_of_signatures", ".base")
    (tmp_path / "shapes_pkg/inner.py").write_text(source)
    (tmp_path / "shapes_pkg/base.py").write_text(BASE)
    monkeypatch.syspath_prepend(str(tmp_path))

    def required(name: str) -> dict[str, bool]:
        parameters = signature_of(f"shapes_pkg.{name}").parameters
        return {key: parameter.required for key, parameter in parameters.items()}

    own = {"root": True, "count": True, "name": False}
    assert required("Own") == own  # through a re-export
    assert required("inner.Own") == own
    assert required("inner.Inherits") == own
    assert required("inner.Nothing") == {}
    assert required("inner.Open") == {
        "first": True, "second": False, "third": True, "fourth": False,
    }  # fmt: skip
    assert signature_of("shapes_pkg.inner.Open").open_ended
    assert required("inner.function") == {"a": True, "b": False}


def test_what_has_no_source_is_imported() -> None:
    assert list(signature_of("math.sqrt").parameters) == ["x"]
    with pytest.raises(ImportError):
        signature_of("nowhere_at_all.Thing")
    with pytest.raises(AttributeError):
        signature_of("sophia.schedules.Nope")
