"""What a class or function takes, read from its source.

A misspelt key is refused by the signature it goes to. Importing that costs seconds (torch,
Lightning), reading its source costs milliseconds, so nothing is imported here. What cannot be read
that way (compiled code, signatures made at run time) is imported after all.
"""

from __future__ import annotations

import ast
import functools
import importlib
import importlib.util
import inspect
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_KNOWN: Mapping[str, Any] = {
    **{kind.__name__: kind for kind in (bool, int, float, str, bytes, list, dict, tuple, set)},
    "None": None,
    "Any": Any,
    "Literal": typing.Literal,
    "Sequence": Sequence,
    "Mapping": Mapping,
    "Callable": Callable,
    "Path": Path,
}
_OURS = "sophia."
_Definition = ast.ClassDef | ast.FunctionDef


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """An argument; ``annotation`` is Any where the source names a class that is no plain value."""

    annotation: Any
    required: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """The arguments of ``target`` that a configuration can give by name.

    ``open_ended``: it takes any other name too.
    """

    target: str
    parameters: Mapping[str, Parameter]
    open_ended: bool


@functools.cache
def signature_of(target: str) -> Signature:
    """The signature of the class or function with this dotted name.

    Raises:
        ImportError, AttributeError: there is no such thing.
    """
    module, _, name = target.rpartition(".")
    found = _find(module, name)
    read = _parameters(*found) if found is not None else None
    if read is None:
        return _imported(target)
    known = {key: p for key, p in read.items() if not key.startswith("*")}
    return Signature(target=target, parameters=known, open_ended="**" in read)


def _imported(target: str) -> Signature:
    module, _, name = target.rpartition(".")
    if not module:
        raise ImportError(f"{target!r} names no module")
    parameters = inspect.signature(getattr(importlib.import_module(module), name)).parameters
    variable = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    return Signature(
        target=target,
        parameters={
            name: Parameter(annotation=Any, required=p.default is p.empty)
            for name, p in parameters.items()
            if p.kind not in variable
        },
        open_ended=any(p.kind is p.VAR_KEYWORD for p in parameters.values()),
    )


def _parameters(module: str, node: _Definition) -> dict[str, Parameter] | None:
    """The arguments by name, in order, ``**`` for any other; None when the source hides them."""
    if isinstance(node, ast.FunctionDef):
        return _arguments(module, node.args)
    for member in node.body:
        if isinstance(member, ast.FunctionDef) and member.name == "__init__":
            return dict(list(_arguments(module, member.args).items())[1:])  # without self
    inherited: dict[str, Parameter] = {}
    for base in reversed(node.bases):
        found = _find(module, base.id) if isinstance(base, ast.Name) else None
        if found is not None and found[1].name != "Protocol":
            own = _parameters(*found)
            if own is None:
                return None
            inherited |= own
        elif not (isinstance(base, ast.Name) and base.id == "Protocol"):
            return None
    return inherited | (_fields(module, node) if _is_dataclass(node) else {})


def _is_dataclass(node: ast.ClassDef) -> bool:
    names = [d.func if isinstance(d, ast.Call) else d for d in node.decorator_list]
    return any(isinstance(name, ast.Name) and name.id == "dataclass" for name in names)


def _fields(module: str, node: ast.ClassDef) -> dict[str, Parameter]:
    return {
        member.target.id: Parameter(
            annotation=_type(module, member.annotation), required=member.value is None
        )
        for member in node.body
        if isinstance(member, ast.AnnAssign) and isinstance(member.target, ast.Name)
    }


def _arguments(module: str, arguments: ast.arguments) -> dict[str, Parameter]:
    positional = [*arguments.posonlyargs, *arguments.args]
    num_required = len(positional) - len(arguments.defaults)
    required = {a.arg: place < num_required for place, a in enumerate(positional)}
    keyword = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    required |= {a.arg: default is None for a, default in keyword}
    given = {
        a.arg: Parameter(annotation=_type(module, a.annotation), required=required[a.arg])
        for a in (*positional, *arguments.kwonlyargs)
    }
    if arguments.kwarg is not None:
        given["**"] = Parameter(annotation=Any, required=False)
    return given


def _type(module: str, annotation: ast.expr | None) -> Any:
    """A type that pydantic can check; Any for classes, and outside this project."""
    if annotation is None or not module.startswith(_OURS):
        return Any
    code = compile(ast.Expression(body=annotation), module, "eval")
    try:
        return eval(code, {"__builtins__": {}}, _Names(module))  # of our own source only
    except (TypeError, AttributeError, NameError):  # an expression over what is Any here
        return Any


class _Names(dict[str, Any]):
    """The names of a module, looked up as annotations need them."""

    def __init__(self, module: str) -> None:
        super().__init__(_KNOWN)
        self._module = module

    def __missing__(self, name: str) -> Any:
        for statement in _statements(self._module):
            match statement:
                case ast.Assign(targets=[ast.Name(id=given)]) if given == name:
                    return _type(self._module, statement.value)
                case ast.ImportFrom(module=str(source)) if name in _imports(statement):
                    own = source.startswith(_OURS)
                    return _Names(source)[_imports(statement)[name]] if own else Any
        return Any


def _find(module: str, name: str) -> tuple[str, _Definition] | None:
    """Where a name is defined, through any number of re-exports."""
    for statement in _statements(module):
        if isinstance(statement, ast.ClassDef | ast.FunctionDef) and statement.name == name:
            return module, statement
    for statement in _statements(module):
        if isinstance(statement, ast.ImportFrom) and name in _imports(statement):
            return _find(_source_module(module, statement), _imports(statement)[name])
    return None


def _imports(statement: ast.ImportFrom) -> dict[str, str]:
    return {alias.asname or alias.name: alias.name for alias in statement.names}


def _source_module(module: str, statement: ast.ImportFrom) -> str:
    if not statement.level:
        return statement.module or ""
    is_package = (path := _path(module)) is not None and path.name == "__init__.py"
    parts = module.split(".")
    parts = parts[: len(parts) - statement.level + int(is_package)]
    return ".".join([*parts, *([statement.module] if statement.module else [])])


@functools.cache
def _statements(module: str) -> tuple[ast.stmt, ...]:
    """The statements of a module's top level, ``if`` and ``try`` opened; () without a source."""
    path = _path(module)
    return tuple(_flat(ast.parse(path.read_text()).body)) if path is not None else ()


def _flat(statements: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    for statement in statements:
        yield statement
        if isinstance(statement, ast.If | ast.Try):
            yield from _flat([*statement.body, *statement.orelse])


@functools.cache
def _path(module: str) -> Path | None:
    """The source file of a module, without importing the packages that it lies in."""
    top, *rest = module.split(".")
    spec = importlib.util.find_spec(top) if top else None
    if spec is None:
        return None
    if not rest:
        return Path(spec.origin) if spec.origin and spec.origin.endswith(".py") else None
    for folder in spec.submodule_search_locations or ():
        place = Path(folder).joinpath(*rest)
        for candidate in (place.with_name(place.name + ".py"), place / "__init__.py"):
            if candidate.is_file():
                return candidate
    return None
