"""Every key of a configuration is bound against the signature of what it configures.

Hydra refuses an unknown key on the command line, but not inside an experiment file, and it knows no
types. Here a typo anywhere fails in a second, by name, before anything is built.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
from collections.abc import Collection, Iterable, Mapping
from typing import Any, get_type_hints

import pydantic
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import InterpolationKeyError

_HYDRA_KEYS = {"_target_", "_partial_", "_convert_", "_recursive_"}


def validate(cfg: DictConfig, root: type, *, shared: Collection[str]) -> None:
    """Refuse unknown keys, missing keys and values of the wrong type.

    ``root`` is the dataclass of the root keys; ``shared`` are arguments that the program passes
    itself, so a configuration needs not give them.
    """
    try:
        plain = OmegaConf.to_container(cfg, resolve=True)
    except InterpolationKeyError as error:
        raise ValueError(
            f"the configuration refers to a key that does not exist: {error}"
        ) from None
    assert isinstance(plain, dict)
    node = {str(key): value for key, value in plain.items()}
    _check_arguments("", node, root, shared=())
    objects = [name for name, hint in get_type_hints(root).items() if hint is Any]
    for key, value in node.items():
        if key in objects and value and "_target_" not in value:
            raise ValueError(f"unknown key {key}.{next(iter(value))}: {key} is null here")
        _check_node(key, value, shared)


def _check_node(path: str, node: Any, shared: Collection[str]) -> None:
    if isinstance(node, list):
        for place, value in enumerate(node):
            _check_node(f"{path}[{place}]", value, shared)
    if not isinstance(node, dict):
        return
    if "_target_" in node:
        _check_arguments(path, node, locate(path, node["_target_"]), shared=shared)
    elif any(isinstance(v, dict) and "_target_" in v for v in node.values()):
        _check_collection(path, node)
    for key, value in node.items():
        _check_node(f"{path}.{key}", value, shared)


def _check_collection(path: str, node: Mapping[str, Any]) -> None:
    """A mapping of names to objects: a member without a target is a misspelt name."""
    members = [
        key for key, value in node.items() if isinstance(value, dict) and "_target_" in value
    ]
    for key, value in node.items():
        if value is not None and key not in members:
            raise ValueError(f"unknown key {path}.{key}{_hint(key, members)}")


def _check_arguments(
    path: str, node: Mapping[str, Any], target: Any, *, shared: Collection[str]
) -> None:
    parameters = inspect.signature(target).parameters
    open_ended = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    given = set(node) - _HYDRA_KEYS
    prefix = f"{path}." if path else ""
    for key in sorted(given):
        if key not in parameters and not open_ended:
            raise ValueError(f"unknown key {prefix}{key}{_hint(key, parameters)}")
    if not node.get("_partial_"):
        missing = [
            name
            for name, p in parameters.items()
            if p.default is p.empty
            and p.kind is not p.VAR_KEYWORD
            and p.kind is not p.VAR_POSITIONAL
            and name not in given
            and name not in shared
        ]
        if missing:
            raise ValueError(f"missing key {prefix}{missing[0]}, which {_name(target)} needs")
    _check_types(prefix, {key: node[key] for key in given}, target)


def _check_types(prefix: str, values: Mapping[str, Any], target: Any) -> None:
    """Values that are not objects themselves must fit the annotation."""
    if not target.__module__.startswith("sophia."):
        return
    try:
        hints = get_type_hints(target.__init__ if inspect.isclass(target) else target)
    except NameError:  # a type imported for checking only
        return
    for key, value in values.items():
        if key not in hints or _holds_object(value):
            continue
        try:
            pydantic.TypeAdapter(hints[key]).validate_python(value)
        except pydantic.ValidationError as error:
            problem = error.errors()[0]["msg"]
            raise ValueError(f"{prefix}{key} is {value!r}: {problem}") from None
        except pydantic.PydanticSchemaGenerationError:  # a class of ours: not a plain value
            continue


def _holds_object(value: Any) -> bool:
    if isinstance(value, dict):
        return "_target_" in value or any(_holds_object(v) for v in value.values())
    return isinstance(value, list) and any(_holds_object(v) for v in value)


def locate(path: str, target: str) -> Any:
    """The class or function that ``target`` names."""
    module, _, name = target.rpartition(".")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(
            f"{path}._target_ is {target!r}, which cannot be imported: {error}"
        ) from None


def _hint(key: str, known: Iterable[str]) -> str:
    names = sorted(set(known) - {"self", "args", "kwargs"})
    close = difflib.get_close_matches(key, names, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; known are {names}"


def _name(target: Any) -> str:
    return f"{target.__module__}.{target.__qualname__}"
