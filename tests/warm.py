"""`python ARGUMENTS` in a process forked from one that has imported everything, once per worker.

It is a process as any other: with a number, signals, an exit status, an environment and standard
streams of its own. Only its imports are not paid for again, and what it leaves in its memory no
other sees.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import runpy
import shutil
import signal
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parent.parent

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["tests.warm_imports"])


class WarmProcess:
    """`python ARGUMENTS` in the project's root, with as much of ``Popen`` as the tests use.

    Args:
        arguments: a script and what it is called with, or -m, a module and so on.
        environment: all variables of the process.
        stdin: what stands in its standard input.
    """

    def __init__(
        self, *arguments: str, environment: Mapping[str, str] | None = None, stdin: str = ""
    ) -> None:
        streams = Path(tempfile.mkdtemp(prefix="warm-"))
        weakref.finalize(self, shutil.rmtree, streams)
        (streams / "in").write_text(stdin)
        self._output = streams / "out"
        variables = {**(environment or os.environ), "OMP_NUM_THREADS": "1"}
        self._process = _CONTEXT.Process(target=_child, args=(arguments, variables, streams))
        self._process.start()

    @property
    def pid(self) -> int:
        """Its number."""
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """Its exit status, minus the signal that ended it; None while it runs."""
        return self._process.exitcode

    def communicate(self, timeout: float | None = None) -> tuple[str, None]:
        """Wait for its end; what it wrote to both of its output streams."""
        self._process.join(timeout)
        if self.returncode is None:
            late = subprocess.TimeoutExpired(self._process.name, timeout or 0.0)
            late.add_note(f"what it has written so far:\n{self._output.read_text()}")
            raise late
        return self._output.read_text(), None

    def send_signal(self, number: signal.Signals) -> None:
        """As ``os.kill``."""
        assert self._process.pid is not None
        os.kill(self._process.pid, number)

    def kill(self) -> None:
        """End it at once, if it has not ended."""
        self._process.kill()


def _child(arguments: tuple[str, ...], environment: Mapping[str, str], streams: Path) -> None:
    from tests import warm_imports  # the process that this is forked from has it already

    sys.path[:] = warm_imports.PATH
    multiprocessing.set_start_method(None, force=True)  # of its own processes: what is usual
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(ROOT)
    # A shell lets what it starts in the background ignore Ctrl-C, and children inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _redirect(streams)
    atexit._clear()  # those of the process that this is forked from
    try:
        _run(arguments)
    finally:
        atexit._run_exitfuncs()  # which a forked process does not call


def _redirect(streams: Path) -> None:
    for number, name, flags in ((0, "in", os.O_RDONLY), (1, "out", os.O_CREAT | os.O_WRONLY)):
        opened = os.open(streams / name, flags | os.O_APPEND)
        os.dup2(opened, number)
        os.close(opened)
    os.dup2(1, 2)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 (multiprocessing has closed the other)


def _run(arguments: tuple[str, ...]) -> None:
    sys.orig_argv = [sys.executable, *arguments]
    if arguments[0] == "-m":
        sys.argv = list(arguments[1:])
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = list(arguments)
        runpy.run_path(arguments[0], run_name="__main__")
