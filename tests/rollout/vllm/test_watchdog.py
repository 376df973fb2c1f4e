"""A hang ends the process and says where; slowness ends the step and says why."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from sophia.failures import EngineFailed
from sophia.rollout.vllm.watchdog import Patience

_HANGS = """
import time
from sophia.rollout.vllm.watchdog import Patience
def stuck_in_a_kernel():
    time.sleep(60)
with Patience(step_s=0.5).heartbeat():
    stuck_in_a_kernel()
"""


def test_a_hang_ends_the_process_with_the_stack() -> None:
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", _HANGS], capture_output=True, text=True, timeout=50, check=False
    )
    assert done.returncode == 1
    assert "stuck_in_a_kernel" in done.stderr
    assert time.monotonic() - started < 40


def test_work_that_comes_back_is_left_alone() -> None:
    with Patience(step_s=0.2).heartbeat():
        pass
    time.sleep(0.3)


def test_too_long_a_generation_is_named() -> None:
    patience = Patience(generate_s=5.0)
    patience.check(time.monotonic(), unfinished=3)
    with pytest.raises(EngineFailed, match=r"after 10 s 3 completions .* at most 5 s"):
        patience.check(time.monotonic() - 10.0, unfinished=3)


def test_no_patience_is_refused() -> None:
    with pytest.raises(ValueError, match="must be positive"):
        Patience(step_s=0.0)
