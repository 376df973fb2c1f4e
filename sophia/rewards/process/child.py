"""One grading process as its parent sees it: asked, timed, killed."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

import sophia

_START_TIMEOUT_S = 120.0
WORKER_COMMAND = (sys.executable, "-m", "sophia.rewards.process.worker")


Word = Literal["right", "wrong", "unparsed", "unscored", "timeout", "died"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One comparison, as ``sophia.rewards.process.worker`` describes it.

    Without a prediction it asks whether the gold alone can be read and compared in time.
    """

    rule: str
    gold: str
    prediction: str | None
    tolerance: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The last word about a request, and whether the gold had been read and tried by then."""

    word: Word
    gold_read: bool


class WorkerProcess:
    """A started process that takes one request at a time; after ``timeout`` or ``died`` it is gone.

    It is started as a module, not forked or spawned by multiprocessing: so it works from a script
    without a ``__main__`` guard, a thread, a REPL, and beside CUDA.
    """

    def __init__(self, command: Sequence[str] = WORKER_COMMAND) -> None:
        package_root = str(Path(sophia.__path__[0]).parent)
        path = os.pathsep.join(filter(None, (package_root, os.environ.get("PYTHONPATH"))))
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            env=os.environ | {"PYTHONPATH": path},
            start_new_session=True,  # an interrupt of the run is not the worker's
        )
        assert self._process.stdout is not None
        self._replies = self._process.stdout.fileno()
        self._poll = select.poll()
        self._poll.register(self._replies, select.POLLIN)
        self._buffer = b""
        self._wait_until_ready(command)

    def ask(self, request: Request, *, timeout_s: float) -> Reply:
        """The reply to a request; the process is killed when none comes in time.

        Reading the gold may take ``timeout_s``, and the prediction as long again: so it is given
        the same time whether or not this process knew the gold.
        """
        assert self._process.stdin is not None
        fields = {name: getattr(request, name) for name in Request.__slots__}
        gold_read = False
        try:
            line = json.dumps(fields | {"limit_s": timeout_s})
            self._process.stdin.write(line.encode() + b"\n")
            deadline = time.monotonic() + timeout_s
            while (word := self._read_word(deadline)) == "gold":
                gold_read = True
                deadline = time.monotonic() + timeout_s
        except (EOFError, BrokenPipeError):
            word = "died"
        except TimeoutError:
            word = "timeout"
        if word in ("died", "timeout"):
            self.kill()
        return Reply(word=cast("Word", word), gold_read=gold_read)

    @property
    def pid(self) -> int:
        """The process id, also after it has ended."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether it can be asked; False after it was killed or died."""
        return self._process.poll() is None

    def kill(self) -> None:
        """End the process now; this does nothing when it has ended."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def _wait_until_ready(self, command: Sequence[str]) -> None:
        try:
            word = self._read_word(time.monotonic() + _START_TIMEOUT_S)
        except (EOFError, TimeoutError):
            word = ""
        if word != "ready":
            self.kill()
            raise RuntimeError(
                f"the grading process did not start: {' '.join(command)!r} gave {word!r}, not"
                " 'ready'. Run that command by hand to see why (is math-verify installed?)."
            )

    def _read_word(self, deadline: float) -> str:
        while b"\n" not in self._buffer:
            remaining_s = deadline - time.monotonic()
            if remaining_s <= 0 or not self._poll.poll(remaining_s * 1000):
                raise TimeoutError
            chunk = os.read(self._replies, 4096)
            if not chunk:
                raise EOFError
            self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.decode()
