"""A user's own reward: any callable (Prompt, Completion) -> float | None, named in YAML."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from sophia.types import Completion, Prompt

RewardFunction = Callable[[Prompt, Completion], float | None]


class CustomReward:
    """Loads ``path/to/file.py:name`` or ``package.module:name`` and weighs what it returns.

    The total gets weight * value. When it returns None for one completion, the term is dropped for
    that completion's whole group.

    Args:
        function: where it is: ``path/to/file.py:name`` or ``package.module:name``.
        weight: what its value is multiplied by in the total.
    """

    def __init__(self, function: str, *, weight: float) -> None:
        self.weight = weight
        self._function = load_function(function)

    def __call__(self, prompt: Prompt, completion: Completion) -> float | None:
        """The value before it is weighed; None when the function has none to give."""
        return self._function(prompt, completion)


def load_function(spec: str) -> RewardFunction:
    """The callable named by ``file.py:name`` or ``package.module:name``.

    Raises ValueError when there is no such file or name.
    """
    place, _, name = spec.rpartition(":")
    if not place:
        raise ValueError(
            f"reward function {spec!r} names no place; write 'path/to/file.py:name' or"
            " 'package.module:name'."
        )
    module = _load_file(Path(place)) if place.endswith(".py") else importlib.import_module(place)
    function = getattr(module, name, None)
    if not callable(function):
        known = [n for n, v in vars(module).items() if callable(v) and not n.startswith("_")]
        raise ValueError(f"{place} has no function {name!r}; it has {known}.")
    return function  # type: ignore[no-any-return]


def _load_file(path: Path) -> ModuleType:
    if not path.is_file():
        raise ValueError(f"reward file {path} does not exist (looked in {Path.cwd()}).")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
