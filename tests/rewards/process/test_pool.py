"""What a death or a delay of a grading process means."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

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
    if request["gold"] == "slow": time.sleep(0.7)
    print("gold", flush=True)
    prediction = request["prediction"]
    if prediction == "die": os._exit(1)
    if prediction and prediction.startswith("wait"): time.sleep(60)
    if prediction == "slow": time.sleep(0.7)
    if prediction == "die once" and not os.path.exists(sys.argv[1]):
        open(sys.argv[1], "w").close()
        os._exit(1)
    print("wrong" if prediction is None else "right", flush=True)
"""


def _pool(argument: str = "", *, timeout_s: float = 5.0, num_workers: int = 1) -> WorkerPool:
    command = (sys.executable, "-c", _OBEDIENT, argument)
    return WorkerPool(
        timeout_s=timeout_s, num_workers=num_workers, start=lambda: WorkerProcess(command)
    )


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


def test_a_time_out_is_remembered() -> None:
    pool = _pool(timeout_s=1.0)
    assert _compare(pool, "wait") == TIMED_OUT
    started = time.perf_counter()
    assert _compare(pool, "wait") == TIMED_OUT
    assert time.perf_counter() - started < 0.5
    pool.close()


def test_eight_equal_bombs_cost_one_limit_and_hold_up_nobody() -> None:
    pool = _pool(timeout_s=2.0, num_workers=2)
    assert _compare(pool, "4", gold="9") == RIGHT
    started = time.perf_counter()
    with ThreadPoolExecutor(9) as threads:
        bombs = [threads.submit(_compare, pool, "wait") for _ in range(8)]
        assert _compare(pool, "5") == RIGHT
        assert time.perf_counter() - started < 1.5
        assert {bomb.result() for bomb in bombs} == {TIMED_OUT}
    assert time.perf_counter() - started < 4.0
    pool.close()


def test_a_gold_that_takes_too_long_holds_up_its_group_once() -> None:
    pool = _pool(timeout_s=1.0)
    started = time.perf_counter()
    with ThreadPoolExecutor(8) as threads:
        verdicts = threads.map(lambda n: _compare(pool, str(n), gold="wait"), range(8))
        assert set(verdicts) == {UNSCORED}
    assert time.perf_counter() - started < 3.0
    pool.close()


def test_the_time_for_the_gold_is_not_the_predictions() -> None:
    pool = _pool(timeout_s=1.0)
    assert _compare(pool, "slow", gold="slow") == RIGHT  # 0.7 s each
    pool.close()


def test_what_went_wrong_here_is_told_to_all_who_wait_and_not_remembered() -> None:
    gate = threading.Event()

    def start() -> WorkerProcess:
        gate.wait()
        raise OSError("no more processes")

    pool = WorkerPool(timeout_s=1.0, num_workers=1, start=start)
    with ThreadPoolExecutor(2) as threads:
        asked = [threads.submit(_compare, pool, "4") for _ in range(2)]
        gate.set()
        for one in asked:
            with pytest.raises(OSError, match="no more processes"):
                one.result()
    with pytest.raises(OSError, match="no more processes"):
        _compare(pool, "4")


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
