"""A run of the tests says how long it will still take; here it is a run of tests of its own."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands import ROOT

TESTS = """
import time, pytest

@pytest.mark.parametrize("n", range(9))
def test_quick(n):
    assert n != 4

def test_slow():
    time.sleep(0.6)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "conftest.py").write_text("from tests.progress import pytest_configure\n")
    (tmp_path / "test_ten.py").write_text(TESTS)
    return tmp_path


def command(folder: Path, *arguments: str) -> list[str]:
    return [
        sys.executable, "-m", "pytest", "-q", "-p", "xdist", f"--rootdir={folder}", str(folder),
        *arguments,
    ]  # fmt: skip


def environment() -> dict[str, str]:
    own = {n: v for n, v in os.environ.items() if not n.startswith("PYTEST_XDIST")}
    none_but_named = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # imports take most of the time
    return {**own, **none_but_named, "PYTHONPATH": str(ROOT), "TERM": "xterm"}


def said(folder: Path, *arguments: str) -> list[tuple[int, int, int]]:
    """How many tests were over, how many had failed, and how many seconds were left."""
    done = subprocess.run(
        command(folder, *arguments), cwd=folder, env=environment(), text=True, capture_output=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert "1 failed, 9 passed" in done.stdout
    return counted(done.stdout)


def counted(output: str) -> list[tuple[int, int, int]]:
    lines = re.findall(r"(\d+) of 10 tests(?:, (\d) failed)?, about 0:(\d\d) left", output)
    return [(int(over), int(failed or 0), int(left)) for over, failed, left in lines]


@pytest.mark.parametrize("workers", [(), ("-n", "2", "--dist", "worksteal")], ids=["one", "two"])
def test_a_log_has_a_line_every_tenth(workers: tuple[str, ...], folder: Path) -> None:
    lines = said(folder, *workers)
    assert [over for over, _, _ in lines] == list(range(1, 11))
    assert [failed for _, failed, _ in lines][-1] == 1
    assert lines[-1][2] == 0


def test_a_test_counts_for_what_it_took_the_last_time(folder: Path) -> None:
    slower = TESTS.replace("0.6", "1.8").replace("assert n != 4", "time.sleep(0.05); assert n != 4")
    (folder / "test_ten.py").write_text(slower)
    first, second = said(folder), said(folder)
    # The slow one is the last: by numbers it is a tenth of the run, by seconds nearly all of it.
    assert first[8] == (9, 1, 0)
    assert second[8][2] >= 1


def test_a_terminal_has_one_line(folder: Path) -> None:
    master, slave = pty.openpty()
    process = subprocess.Popen(
        command(folder), cwd=folder, env=environment(), stdin=slave, stdout=slave, stderr=slave
    )
    os.close(slave)
    output = b""
    try:
        while chunk := os.read(master, 65536):
            output += chunk
    except OSError:  # how Linux says that nobody holds the other end any more
        pass
    os.close(master)
    assert process.wait(timeout=60) == 1
    text = output.decode()
    assert [over for over, _, _ in counted(text)] == list(range(1, 11))
    assert text.count("\r\x1b[K") == 10
    assert "...." not in text
