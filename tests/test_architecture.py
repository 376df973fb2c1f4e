"""Imports point down, rooms stay small, and the documents name what exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

MAY_IMPORT: dict[str, set[str]] = {
    "types": set(),
    "protocols": {"metrics", "timing", "types"},
    "metrics": set(),
    "failures": set(),
    "schedules": set(),
    "timing": set(),
    "own": set(),
    "chat": {"failures", "metrics", "types"},
    "step": {"metrics", "protocols", "timing", "types"},
    "data": {"models", "step", "types"},
    "grpo": {"failures", "metrics", "own", "types"},
    "models": {"types"},
    "rewards": {"chat", "failures", "metrics", "own", "protocols", "schedules", "timing", "types"},
    "rollout": {"failures", "metrics", "models", "protocols", "types"},
    "measure": {"metrics", "models", "types"},
    "run": {"models", "types"},
    "library": {"grpo", "rewards", "schedules"},
    "evaluation": {"protocols", "rewards", "rollout", "types"},
    "benchmarks": {"chat", "data", "evaluation", "rewards", "types"},
    "report": {"benchmarks", "data", "evaluation", "measure", "rewards", "run", "types"},
    "training": {
        "failures",
        "grpo",
        "measure",
        "metrics",
        "models",
        "protocols",
        "rewards",
        "rollout",
        "run",
        "schedules",
        "step",
        "types",
    },
    "callbacks": {
        "benchmarks",
        "data",
        "evaluation",
        "failures",
        "measure",
        "metrics",
        "protocols",
        "report",
        "rewards",
        "rollout",
        "run",
        "step",
        "timing",
        "training",
        "types",
    },
}


def layer_of(path: Path) -> str:
    return path.relative_to(ROOT / "sophia").parts[0].removesuffix(".py")


def sources() -> list[Path]:
    return [p for p in sorted((ROOT / "sophia").rglob("*.py")) if p.name != "__init__.py"]


def imported_modules(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return names


@pytest.mark.parametrize("path", sources(), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_down(path: Path) -> None:
    own = layer_of(path)
    modules = imported_modules(path)
    if own not in ("cli", "__main__"):
        layers = {m.split(".")[1] for m in modules if m.startswith("sophia.")}
        assert layers - {own} <= MAY_IMPORT[own]
        assert not {m for m in modules if m.split(".")[0] in ("hydra", "omegaconf")}
    if "vllm" not in path.parts:
        assert not {m for m in modules if m.split(".")[0] == "vllm"}
    if own in ("chat", "rewards", "types", "grpo", "metrics"):
        assert not {m for m in modules if m.split(".")[0] in ("lightning", "transformers")}


@pytest.mark.parametrize("path", sources(), ids=lambda p: str(p.relative_to(ROOT)))
def test_files_and_functions_stay_small(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= 300
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 60, node.name


def test_packages_have_empty_init_files_but_for_the_version() -> None:
    top, *others = sorted((ROOT / "sophia").rglob("__init__.py"))
    assert [type(node) for node in ast.parse(top.read_text()).body] == [ast.Expr, ast.Assign]
    assert "__version__" in top.read_text()
    assert all(not p.read_text() for p in others)


ARCHITECTURE = ROOT / "docs" / "architecture.md"


def import_table() -> str:
    """What the document shows: every layer, and what it may import."""
    width = max(map(len, MAY_IMPORT))
    rows = [f"    {name:{width}}  {' '.join(sorted(MAY_IMPORT[name]))}" for name in MAY_IMPORT]
    return "\n".join(row.rstrip() for row in [*rows, f"    {'cli':{width}}  everything"])


def test_the_table_has_no_circle() -> None:
    order: list[str] = []
    while len(order) < len(MAY_IMPORT):
        free = [n for n in MAY_IMPORT if n not in order and MAY_IMPORT[n] <= set(order)]
        assert free, f"a circle among {sorted(set(MAY_IMPORT) - set(order))}"
        order += free


def test_the_table_allows_nothing_that_is_not_used() -> None:
    used: dict[str, set[str]] = {name: set() for name in MAY_IMPORT}
    for path in sources():
        if layer_of(path) in used:
            modules = {m for m in imported_modules(path) if m.startswith("sophia.")}
            used[layer_of(path)] |= {m.split(".")[1] for m in modules} - {layer_of(path)}
    assert used == MAY_IMPORT


def test_the_ground_floor_is_small() -> None:
    assert len(list((ROOT / "sophia").glob("*.py"))) <= 10


def test_the_document_shows_this_table() -> None:
    """`python -m tests.test_architecture` writes it anew."""
    assert import_table() in ARCHITECTURE.read_text()


def main() -> None:
    """Replace the table in the document."""
    first, last = "    types", "    cli  "
    lines = ARCHITECTURE.read_text().splitlines()
    start = next(place for place, line in enumerate(lines) if line.startswith(first))
    stop = next(place for place, line in enumerate(lines) if place > start and not line.strip())
    assert lines[stop - 1].startswith(last)
    lines[start:stop] = import_table().splitlines()
    ARCHITECTURE.write_text("\n".join(lines) + "\n")


DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: p.name)
def test_paths_named_in_documents_exist(document: Path) -> None:
    pattern = r"`((?:sophia|configs|tests|docs|experiments)/[\w./-]*)`"
    named = re.findall(pattern, document.read_text())
    missing = [path for path in named if not (ROOT / path).exists()]
    assert not missing


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: p.name)
def test_symbols_named_in_documents_exist(document: Path) -> None:
    for dotted in set(re.findall(r"`(sophia(?:\.\w+)+)`", document.read_text())):
        parts = dotted.split(".")
        path = ROOT.joinpath(*parts)
        if path.is_dir() or path.with_suffix(".py").is_file():
            continue
        *module, symbol = parts
        source = ROOT.joinpath(*module).with_suffix(".py")
        if not source.is_file():  # a method: module.Class.method
            source = ROOT.joinpath(*module[:-1]).with_suffix(".py")
        assert source.is_file(), dotted
        assert re.search(rf"\b{symbol}\b", source.read_text()), dotted


if __name__ == "__main__":
    main()
