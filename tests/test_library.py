"""What docs/library.md and its notebook show is what comes out.

`python -m tests.test_library` runs the notebook and writes its outputs anew.
"""

from __future__ import annotations

import ast
import contextlib
import doctest
import io
import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import sophia.library
from sophia.grpo.estimators.group import GroupAdvantages
from sophia.library import advantages
from tests.grpo.scores import alone, scores_of

ROOT = Path(__file__).parent.parent
NOTEBOOK = ROOT / "docs" / "library.ipynb"


def test_the_page_shows_what_comes_out() -> None:
    done = doctest.testfile(str(ROOT / "docs" / "library.md"), module_relative=False)
    assert done.attempted > 20
    assert done.failed == 0


def test_the_notebook_shows_what_comes_out() -> None:
    cells = json.loads(NOTEBOOK.read_text())["cells"]
    shown = [cell["outputs"] for cell in cells if cell["cell_type"] == "code"]
    assert len(shown) > 5
    assert shown == [cell["outputs"] for cell in executed(cells) if cell["cell_type"] == "code"]


def executed(cells: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The cells with what they say when they are run one after the other."""
    namespace: dict[str, Any] = {}
    done, count = [], 0
    for cell in cells:
        if cell["cell_type"] == "code":
            count += 1
            outputs = _outputs("".join(cell["source"]), namespace, count)
            cell = {**cell, "execution_count": count, "outputs": outputs}
        done.append(cell)
    return done


def _outputs(source: str, namespace: dict[str, Any], count: int) -> list[dict[str, Any]]:
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    printed, value = io.StringIO(), None
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, "cell", "exec"), namespace)
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), "cell", "eval"), namespace)
    found: list[dict[str, Any]] = []
    if printed.getvalue():
        lines = printed.getvalue().splitlines(keepends=True)
        found.append({"name": "stdout", "output_type": "stream", "text": lines})
    if value is not None:
        shown = {
            "data": {"text/plain": [repr(value)]}, "execution_count": count, "metadata": {},
            "output_type": "execute_result",
        }  # fmt: skip
        found.append(shown)
    return found


def test_advantages_are_those_of_a_run() -> None:
    draw = random.Random(0)
    for _ in range(50):
        rewards = [draw.choice([0.0, 0.3, 1.0, None]) for _ in range(draw.randint(1, 8))]
        for scaled in (True, False):
            estimator = GroupAdvantages(scale="group" if scaled else "none")
            expected = estimator(scores_of(rewards), everywhere=alone)
            assert advantages(rewards, scale_by_std=scaled) == expected.tolist()
    assert advantages([]) == []
    assert advantages([1.0, 0.0]) == pytest.approx([0.7071, -0.7071], abs=1e-4)


def test_all_that_is_named_is_there_and_documented() -> None:
    page = (ROOT / "docs" / "library.md").read_text()
    for name in sophia.library.__all__:
        assert hasattr(sophia.library, name)
        assert f"`{name}`" in page or name == "GroupRewards" in page


def test_importing_it_loads_no_library_that_computes() -> None:
    code = "import sophia.library, sys; print(*{name.split('.')[0] for name in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    heavy = {"torch", "lightning", "transformers", "hydra", "sympy", "matplotlib", "trl"}
    assert not set(done.stdout.split()) & heavy


def main() -> None:
    """Run the notebook, and write what it says."""
    notebook = json.loads(NOTEBOOK.read_text())
    notebook["cells"] = executed(notebook["cells"])
    NOTEBOOK.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
