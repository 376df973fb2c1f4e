"""A user's own reward: any callable (Prompt, Completion) -> float | None, named in YAML.

Functions written for TRL or EasyR1 are called as those call them (sophia/rewards/signatures.py).
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import math
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from numbers import Real
from pathlib import Path
from types import ModuleType
from typing import Any

from sophia.failures import RunStopped
from sophia.rewards.signatures import CALLS, RewardSignature, UnusableError, shown
from sophia.types import Completion, Prompt

RewardFunction = Callable[..., Any]


class RewardFailed(RunStopped):
    """A user's own reward raised, or returned what is no number."""


class CustomReward:
    """Loads ``path/to/file.py:name`` or ``package.module:name`` and weighs what it returns.

    The total gets weight * value. When it returns None for one completion, the term is dropped for
    that completion's whole group.

    Args:
        function: where it is: ``path/to/file.py:name`` or ``package.module:name``.
        weight: what its value is multiplied by in the total.
        signature: how it is called. ``sophia``: with a prompt and a completion. ``trl`` and
            ``trl_messages``: as TRL does, once per group, with completions as texts or as chat
            messages. ``easyr1`` and ``easyr1_sequential``: as EasyR1 does, with all dictionaries
            of a group at once, or with each of them.
        arguments: further arguments that the function takes by name.
    """

    def __init__(
        self,
        function: str,
        *,
        weight: float,
        signature: RewardSignature = "sophia",
        arguments: Mapping[str, Any] | None = None,
    ) -> None:
        self.weight = weight
        self.function = function
        loaded = load_function(function)
        self._function = partial(loaded, **arguments) if arguments else loaded
        self._file = getattr(inspect.getmodule(loaded), "__file__", None)
        self._call = CALLS[signature]

    def __call__(self, prompt: Prompt, completion: Completion) -> float | None:
        """The value of one completion alone, before it is weighed."""
        return self.values(prompt, (completion,), name=self.function)[0]

    def values(
        self, prompt: Prompt, completions: Sequence[Completion], *, name: str
    ) -> tuple[float | None, ...]:
        """One value per completion of a prompt, before they are weighed; None where it has none.

        Raises:
            RewardFailed: the function raised, or did not return as many finite numbers; says so of
                the reward called ``name``.
        """
        try:
            returned = self._call(self._function, prompt, completions)
            if hasattr(returned, "tolist"):  # an array or a tensor
                returned = returned.tolist()
            return _numbers(returned, len(completions))
        except Exception as error:
            raise RewardFailed(
                f"the reward {name!r} ({self.function}) failed on the prompt {prompt.uid!r}:"
                f" {_reason(error, self._file)}"
            ) from error


def _numbers(returned: object, expected: int) -> tuple[float | None, ...]:
    if isinstance(returned, str | bytes) or not isinstance(returned, Sequence):
        raise UnusableError(f"it returned {shown(returned)}, expected a list of {expected}")
    if len(returned) != expected:
        raise UnusableError(f"it returned {len(returned)} values for {expected} completions")
    return tuple(_number(value) for value in returned)


def _number(value: Any) -> float | None:
    """The value as a float: of Python, of numpy, or a tensor without dimensions."""
    if value is None:
        return None
    if getattr(value, "shape", None) == ():
        value = value.item()
    if not isinstance(value, Real) or not math.isfinite(value):
        raise UnusableError(
            f"it returned {shown(value)}, expected a finite number, or None where it cannot say"
        )
    return float(value)


def _reason(error: Exception, file: str | None) -> str:
    """The error in words, with the last line of the user's file on the way to it."""
    if isinstance(error, UnusableError):
        return f"{error}."
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == file]
    where = f" ({Path(file).name}, line {lines[-1]})" if file and lines else ""
    return f"{type(error).__name__}: {error}{where}."


def load_function(spec: str) -> RewardFunction:
    """The callable named by ``file.py:name`` or ``package.module:name``.

    Raises ValueError when there is no such file or name, or it cannot be imported.
    """
    place, _, name = spec.rpartition(":")
    if not place:
        raise ValueError(
            f"reward function {spec!r} names no place; write 'path/to/file.py:name' or"
            " 'package.module:name'."
        )
    if place.endswith(".py") and not Path(place).is_file():
        raise ValueError(f"reward file {place} does not exist (looked in {Path.cwd()}).")
    try:
        module = _run_file(Path(place)) if place.endswith(".py") else importlib.import_module(place)
    except Exception as error:
        raise ValueError(
            f"the reward function {spec!r} cannot be loaded: {type(error).__name__}: {error}."
        ) from error
    function = getattr(module, name, None)
    if not callable(function):
        known = [n for n, v in vars(module).items() if callable(v) and not n.startswith("_")]
        raise ValueError(f"{place} has no function {name!r}; it has {known}.")
    return function  # type: ignore[no-any-return]


def _run_file(path: Path) -> ModuleType:
    name = f"reward file {path.resolve()}"  # shadows no module, unlike the stem of a math.py
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # a dataclass looks its module up while it is made
    spec.loader.exec_module(module)
    return module
