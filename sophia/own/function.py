"""Functions of the user's own, named in YAML: ``file.py:name`` or ``package.module:name``."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

OwnFunction = Callable[..., Any]


class UnusableError(ValueError):
    """What a function asked for or returned, in words that go on after its name."""


def reason(error: Exception, function: OwnFunction) -> str:
    """An error of a function in words, with the last line of its file on the way to it."""
    if isinstance(error, UnusableError):
        return f"{error}."
    file = getattr(inspect.getmodule(function), "__file__", None)
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == file]
    where = f" ({Path(file).name}, line {lines[-1]})" if file and lines else ""
    return f"{type(error).__name__}: {error}{where}."


def load_function(spec: str) -> OwnFunction:
    """The callable named by ``file.py:name`` or ``package.module:name``.

    Raises ValueError when there is no such file or name, or it cannot be imported.
    """
    place, _, name = spec.rpartition(":")
    if not place:
        raise ValueError(
            f"the function {spec!r} names no place; write 'path/to/file.py:name' or"
            " 'package.module:name'."
        )
    if place.endswith(".py") and not Path(place).is_file():
        raise ValueError(f"the file {place} does not exist (looked in {Path.cwd()}).")
    try:
        module = _run_file(Path(place)) if place.endswith(".py") else importlib.import_module(place)
    except Exception as error:
        raise ValueError(
            f"the function {spec!r} cannot be loaded: {type(error).__name__}: {error}."
        ) from error
    function = getattr(module, name, None)
    if not callable(function):
        known = [n for n, v in vars(module).items() if callable(v) and not n.startswith("_")]
        raise ValueError(f"{place} has no function {name!r}; it has {known}.")
    return function  # type: ignore[no-any-return]


def _run_file(path: Path) -> ModuleType:
    name = f"own file {path.resolve()}"  # shadows no module, unlike the stem of a math.py
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # a dataclass looks its module up while it is made
    spec.loader.exec_module(module)
    return module
