"""Grading processes shared by all threads of one run."""

from __future__ import annotations

import os
import queue
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager

from sophia.rewards.checkers.verdict import RIGHT, TIMED_OUT, UNPARSED, UNSCORED, WRONG, Verdict
from sophia.rewards.process.child import Reply, Request, WorkerProcess

_MAX_REMEMBERED = 20_000
_VERDICTS = {"right": RIGHT, "wrong": WRONG, "unparsed": UNPARSED, "unscored": UNSCORED}


class WorkerPool:
    """Up to ``num_workers`` processes, each started by the first request that needs it.

    A prediction that takes longer than ``timeout_s`` is TIMED_OUT, a gold answer that does is
    UNSCORED; the process is killed and replaced. Every verdict is remembered, these two as well,
    and equal requests at the same time are asked once: the answers of one group are often equal.

    Args:
        timeout_s: limit in seconds for reading a gold, and for comparing a prediction with it.
        num_workers: how many processes there may be at once.
        start: how a process is started.
    """

    def __init__(
        self,
        *,
        timeout_s: float,
        num_workers: int,
        start: Callable[[], WorkerProcess] = WorkerProcess,
    ) -> None:
        self._timeout_s = timeout_s
        self._start = start
        self._slots: queue.LifoQueue[WorkerProcess | None] = queue.LifoQueue()
        self._num_workers = num_workers
        for _ in range(num_workers):
            self._slots.put(None)
        self._alive: set[WorkerProcess] = set()
        self._verdicts: dict[Request, Future[Verdict]] = {}
        self._hopeless_golds: set[tuple[str, str]] = set()
        self._lock = threading.Lock()
        self._closing = threading.Lock()
        weakref.finalize(self, _kill_all, self._alive, os.getpid())

    def compare(self, rule: str, *, gold: str, prediction: str | None, tolerance: float) -> Verdict:
        """The verdict of a rule on a prediction; may be called from any thread.

        UNSCORED, whatever the prediction, if the gold cannot be read or compared in time; without a
        prediction nothing else is asked.

        ``rule`` is a key of ``sophia.rewards.process.worker.RULES``. ``tolerance`` is relative to
        the gold's size.
        """
        request = Request(rule=rule, gold=gold, prediction=prediction, tolerance=tolerance)
        with self._lock:
            is_known = request in self._verdicts
            verdict = self._promise(request)
        if is_known:
            return verdict.result()
        try:
            verdict.set_result(self._judge(request))
        except BaseException as error:
            with self._lock:
                self._verdicts.pop(request, None)
            verdict.set_exception(error)  # those who wait for the same are told
            raise
        return verdict.result()

    def close(self) -> None:
        """End all processes, after the requests in flight. A later request starts them again."""
        with self._closing:
            processes = [self._slots.get() for _ in range(self._num_workers)]
            for process in processes:
                self._retire(process)
                self._slots.put(None)

    @property
    def num_alive(self) -> int:
        """How many processes are alive."""
        return len(self.pids())

    def pids(self) -> tuple[int, ...]:
        """The process ids of the living processes."""
        return tuple(process.pid for process in tuple(self._alive) if process.is_alive)

    def _promise(self, request: Request) -> Future[Verdict]:
        if len(self._verdicts) >= _MAX_REMEMBERED:
            self._verdicts.clear()
            self._hopeless_golds.clear()
        return self._verdicts.setdefault(request, Future())

    def _judge(self, request: Request) -> Verdict:
        """The verdict of a process, or whose fault it is that there is none.

        A prediction that kills its judge scores 0: else a policy would learn to dodge zeros so.
        """
        reply = self._ask(request)
        if reply.word == "died":  # was it chance?
            reply = self._ask(request)
        if reply.word in _VERDICTS:
            return _VERDICTS[reply.word]
        if not reply.gold_read:
            self._hopeless_golds.add((request.rule, request.gold))
            return UNSCORED
        return TIMED_OUT if reply.word == "timeout" else UNPARSED

    def _ask(self, request: Request) -> Reply:
        with self._process() as process:
            if (request.rule, request.gold) in self._hopeless_golds:  # found while this one waited
                return Reply(word="unscored", gold_read=False)
            return process.ask(request, timeout_s=self._timeout_s)

    @contextmanager
    def _process(self) -> Iterator[WorkerProcess]:
        process = self._slots.get()
        try:
            if process is None or not process.is_alive:
                self._retire(process)
                process = None
                process = self._start()
                self._alive.add(process)
            yield process
        finally:
            self._slots.put(process)

    def _retire(self, process: WorkerProcess | None) -> None:
        if process is not None:
            process.kill()
            self._alive.discard(process)


def _kill_all(processes: set[WorkerProcess], owner: int) -> None:
    if os.getpid() == owner:  # a forked copy of the pool does not own the processes
        for process in processes:
            process.kill()
