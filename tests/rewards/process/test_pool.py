"""What a death or a delay of a grading process means."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import time

import pytest

from sophia.rewards.checkers.verdict import RIGHT, TIMED_OUT, UNPARSED, UNSCORED, Verdict
from sophia.rewards.process.child import WorkerProcess
from sophia.rewards.process.pool import WorkerPool

# A worker that speaks the protocol and does what the prediction (or gold) says.
_OBEDIENT = """
import json, os, sys, time
print("ready", flush=True)
for line in sys.stdin:
    request = json.loads(line)
    if request["gold"] == "die": os._exit(1)
    if request["gold"] == "wait": time.sleep(60)
    print("gold", flush=True)
    prediction = request["prediction"]
    if prediction == "die": os._exit(1)
    if prediction == "wait": time.sleep(60)
    if prediction == "die once" and not os.path.exists(sys.argv[1]):
        open(sys.argv[1], "w").close()
        os._exit(1)
    print("wrong" if prediction is None else "right", flush=True)
"""


def _pool(argument: str = "", *, timeout_s: float = 5.0) -> WorkerPool:
    command = (sys.executable, "-c", _OBEDIENT, argument)
    return WorkerPool(timeout_s=timeout_s, num_workers=1, start=lambda: WorkerProcess(command))


def _compare(pool: WorkerPool, prediction: str, gold: str = "4") -> Verdict:
    return pool.compare("math", gold=gold, prediction=prediction, tolerance=0.0)


def test_a_prediction_that_kills_the_worker_scores_zero() -> None:
    pool = _pool()
    assert _compare(pool, "die") == UNPARSED
    assert _compare(pool, "4") == RIGHT
    pool.close()


def test_a_gold_that_kills_the_worker_is_unscored() -> None:
    pool = _pool()
    assert _compare(pool, "4", gold="die") == UNSCORED
    pool.close()


def test_a_worker_that_died_by_chance_is_asked_again(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    pool = _pool(str(tmp_path_factory.mktemp("pool") / "died"))
    assert _compare(pool, "die once") == RIGHT
    pool.close()


def test_delays() -> None:
    pool = _pool(timeout_s=0.5)
    assert _compare(pool, "wait") == TIMED_OUT
    assert _compare(pool, "4", gold="wait") == UNSCORED
    assert _compare(pool, "4") == RIGHT
    pool.close()


def test_equal_requests_are_asked_once() -> None:
    pool = _pool()
    assert _compare(pool, "4") == RIGHT
    pool.close()
    assert _compare(pool, "4") == RIGHT
    assert pool.num_alive == 0  # answered from memory


def test_a_worker_killed_from_outside_is_replaced() -> None:
    pool = WorkerPool(timeout_s=30.0, num_workers=1)
    assert _compare(pool, "\\sqrt{16}") == RIGHT
    for process in pool.pids():
        os.kill(process, signal.SIGKILL)
    assert _compare(pool, "\\sqrt{4}+2") == RIGHT
    pool.close()


def test_a_worker_that_does_not_start_is_an_error() -> None:
    command = (sys.executable, "-c", "raise SystemExit(3)")
    pool = WorkerPool(timeout_s=1.0, num_workers=1, start=lambda: WorkerProcess(command))
    with pytest.raises(RuntimeError, match="did not start"):
        _compare(pool, "4")
    pool.close()


def test_close_waits_for_what_is_in_flight() -> None:
    pool = _pool(timeout_s=1.0)
    thread = threading.Thread(target=_compare, args=(pool, "wait"))
    thread.start()
    time.sleep(0.3)
    pool.close()
    thread.join()
    assert pool.num_alive == 0


def test_a_forgotten_pool_leaves_no_process() -> None:
    pool = _pool()
    _compare(pool, "4")
    (process,) = pool.pids()
    del pool
    gc.collect()
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
