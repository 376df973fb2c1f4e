"""The real grading process: mathruler's rule, golds that cannot be used, what it may not do."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from sophia.rewards.checkers.verdict import RIGHT, TIMED_OUT, UNSCORED, WRONG
from sophia.rewards.process.pool import WorkerPool


@pytest.fixture(scope="module")
def pool() -> Iterator[WorkerPool]:
    pool = WorkerPool(timeout_s=20.0, num_workers=1)
    yield pool
    pool.close()


@pytest.mark.parametrize(
    ("prediction", "gold", "right"),
    [
        ("\\frac{1}{2}", "1/2", True),
        ("x+1", "1+x", True),
        ("2/4", "1/2", False),
        ("\\sqrt{4}", "2", False),  # an integer gold wants an integer
        ("\\beta+1", "1+\\beta", True),  # what only pylatexenc can read
        ("", "2", False),
    ],
)
def test_the_release_rule_is_mathrulers(
    prediction: str, gold: str, right: bool, pool: WorkerPool
) -> None:
    verdict = pool.compare("mathruler", gold=gold, prediction=prediction, tolerance=0.0)
    assert verdict == (RIGHT if right else WRONG)


def test_what_mathruler_evaluates_for_ever_is_timed_out() -> None:
    pool = WorkerPool(timeout_s=1.0, num_workers=1)
    bomb = "9**9**9**9**9"  # its filter looks for ^ only
    assert pool.compare("mathruler", gold="x", prediction=bomb, tolerance=0.0) == TIMED_OUT
    assert pool.compare("mathruler", gold=bomb, prediction="x", tolerance=0.0) == UNSCORED
    pool.close()


@pytest.mark.parametrize("prediction", ["\\sqrt{8}", "\\frac{1}{", "7", None])
def test_a_gold_that_cannot_be_read_is_unscored_for_any_prediction(
    prediction: str | None, pool: WorkerPool
) -> None:
    verdict = pool.compare("math", gold="\\frac{1}{", prediction=prediction, tolerance=0.0)
    assert verdict == UNSCORED


def test_it_may_write_no_file_and_take_little_memory(tmp_path: Path) -> None:
    script = """
        import sys
        from sophia.rewards.process.worker import limit_resources
        limit_resources()
        try:
            with open(sys.argv[1], "w") as file:
                file.write("text")
        except OSError as error:
            print(type(error).__name__)
        try:
            bytearray(5 << 30)
        except MemoryError:
            print("MemoryError")
    """
    command = (sys.executable, "-c", textwrap.dedent(script), str(tmp_path / "file"))
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout == "OSError\nMemoryError\n"
    assert (tmp_path / "file").read_text() == ""
