"""Every key of a configuration is bound against the signature of what it configures.

Hydra refuses an unknown key on the command line, but not inside an experiment file, and it knows no
types. Here a typo anywhere fails in a second, by name, before anything is imported or built.
"""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import InterpolationKeyError

from sophia.cli.command_line.other_choices import of_another_choice
from sophia.cli.command_line.suggestions import dotted_keys, key_hint, nearest
from sophia.cli.commands import CONFIGS
from sophia.cli.validation.missing import refuse_missing
from sophia.cli.validation.offers import offered_to
from sophia.cli.validation.ranges import check_ranges
from sophia.cli.validation.settings import TrainSettings
from sophia.cli.validation.signatures import Signature, signature_of

_HYDRA_KEYS = {"_target_", "_partial_", "_convert_", "_recursive_"}
_SOURCES = Path(__file__).parents[2]


def validate(cfg: DictConfig, root: type) -> None:
    """Refuse unknown keys, missing keys, values of the wrong type and out of their range.

    ``root`` is the dataclass of the root keys (``sophia.cli.validation.settings``).

    Raises:
        ValueError: naming the key, what was got, and the nearest name that is known.
    """
    refuse_missing(OmegaConf.to_container(cfg, resolve=False))
    try:
        plain = OmegaConf.to_container(cfg, resolve=True)
    except InterpolationKeyError as error:
        raise ValueError(
            f"the configuration refers to a key that does not exist: {error}"
        ) from None
    assert isinstance(plain, dict)
    try:
        _check_root({str(key): value for key, value in plain.items()}, root)
    except _UnknownKeyError as error:
        raise ValueError(error.sentence(plain)) from None
    refuse_missing(OmegaConf.to_container(cfg, resolve=False))


class _UnknownKeyError(ValueError):
    """A key that is no parameter of what its node configures.

    Args:
        key: the whole key, dotted.
        siblings: what its node takes.
        target: the class of its node; "" for a mapping of names to objects.
    """

    def __init__(self, key: str, siblings: Iterable[str], target: str = "") -> None:
        super().__init__(key)
        self._key = key
        self._siblings = sorted(siblings)
        self._target = target

    def sentence(self, cfg: Mapping[Any, Any]) -> str:
        """What is said about it; ``cfg`` is the whole configuration."""
        if other := of_another_choice(
            self._key, target=self._target, taken=self._siblings, configs=CONFIGS
        ):
            return (
                f"unknown key {self._key}; {other}. A preset or file that sets it is made for that"
                " choice."
            )
        given = {*dotted_keys("", cfg)}
        key = next(
            k for k in sorted(given, key=len, reverse=True) if f"{k}.".startswith(f"{self._key}.")
        )
        known = {k for k in given if not f"{k}.".startswith(f"{self._key}.")}
        close = nearest(self._key.rpartition(".")[2], self._siblings, cutoff=0.85)
        if close:
            return f"unknown key {self._key}; did you mean {close!r}?"
        return f"unknown key {key}; {key_hint(key, known) or f'known are {self._siblings}'}"


def _check_root(node: Mapping[str, Any], root: type) -> None:
    signature = signature_of(f"{root.__module__}.{root.__qualname__}")
    _check_arguments("", node, signature)
    for key, value in node.items():
        is_object = signature.parameters[key].annotation is Any
        if is_object and value and "_target_" not in value:
            raise ValueError(f"unknown key {key}.{next(iter(value))}: {key} is null here")
        _check_node(key, value)
        if signature.parameters[key].annotation == dict[str, Any]:
            _check_collection(key, value)
    if issubclass(root, TrainSettings):
        check_ranges(node)


def _check_node(path: str, node: Any) -> None:
    if isinstance(node, list):
        for place, value in enumerate(node):
            _check_node(f"{path}[{place}]", value)
    if not isinstance(node, dict):
        return
    if "_target_" in node:
        _check_arguments(path, node, signature_at(path, node["_target_"]))
    elif any(isinstance(v, dict) and "_target_" in v for v in node.values()):
        _check_collection(path, node)
    for key, value in node.items():
        _check_node(f"{path}.{key}", value)


def _check_collection(path: str, node: Mapping[str, Any]) -> None:
    """A mapping of names to objects: a member without a target is a misspelt name."""
    members = [
        key for key, value in node.items() if isinstance(value, dict) and "_target_" in value
    ]
    for key, value in node.items():
        if value is not None and key not in members:
            raise _UnknownKeyError(f"{path}.{key}", members)


def _check_arguments(path: str, node: Mapping[str, Any], signature: Signature) -> None:
    given = set(node) - _HYDRA_KEYS
    prefix = f"{path}." if path else ""
    for key in sorted(given):
        if key not in signature.parameters and not signature.open_ended:
            own = [name for name in signature.parameters if name not in offered_to(path)]
            raise _UnknownKeyError(f"{prefix}{key}", own, signature.target)
    if not node.get("_partial_"):
        passed = {*given, *offered_to(path)}
        required = [name for name, p in signature.parameters.items() if p.required]
        missing = [name for name in required if name not in passed]
        if missing:
            raise ValueError(f"missing key {prefix}{missing[0]}, which {signature.target} needs")
    _check_types(prefix, {key: node[key] for key in given}, signature)


def _check_types(prefix: str, values: Mapping[str, Any], signature: Signature) -> None:
    """Values that are not objects themselves must fit the annotation."""
    import pydantic  # not for --help

    for key, value in values.items():
        if key not in signature.parameters or _holds_object(value):
            continue
        try:
            pydantic.TypeAdapter(signature.parameters[key].annotation).validate_python(value)
        except pydantic.ValidationError as error:
            problem = error.errors()[0]["msg"]
            raise ValueError(f"{prefix}{key} is {value!r}: {problem}") from None


def _holds_object(value: Any) -> bool:
    if isinstance(value, dict):
        return "_target_" in value or any(_holds_object(v) for v in value.values())
    return isinstance(value, list) and any(_holds_object(v) for v in value)


def signature_at(path: str, target: str) -> Signature:
    """The signature of what the node at ``path`` names, or a ValueError that names the node."""
    try:
        return signature_of(target)
    except (ImportError, AttributeError, ValueError) as error:
        raise _no_such_target(path, target, error) from None


def locate(path: str, target: str) -> Any:
    """The class or function that the node at ``path`` names; imports it."""
    module, _, name = target.rpartition(".")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise _no_such_target(path, target, error) from None


def _no_such_target(path: str, target: str, error: Exception) -> ValueError:
    moved = _defining(target.rpartition(".")[2])
    hint = f"; did you mean {moved!r}?" if moved is not None and moved != target else ""
    return ValueError(f"{path}._target_ is {target!r}, which cannot be imported: {error}{hint}")


def _defining(name: str) -> str | None:
    """The dotted name of a class or function of ours with this name: where one has moved to."""
    for file in sorted(_SOURCES.rglob("*.py")):
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name:
                module = file.relative_to(_SOURCES.parent).with_suffix("").parts
                return ".".join((*module, name))
    return None
