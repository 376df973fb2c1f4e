"""Several processes that each ask a share of the questions; this one waits, and shows how far."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

from tqdm import tqdm

from sophia.cli.command_line.arguments import quoted
from sophia.cli.running.processes import num_gpus

_LOOK_S = 1.0
_LAST_LINES = 15
_PARENT = "SOPHIA_SHARE_OF_PROCESS"


def ask_in_processes(count: int, output: Path, *, total: int) -> None:
    """Start this very command once per share, and wait until all of them are done.

    Each process has a GPU of its own where there are any, else its part of the CPU's cores. What a
    process says goes to ``output/share-I.log``; answers stand in files beside it, so that nothing
    is lost when one of them ends badly.

    Args:
        count: how many processes.
        output: the folder of the evaluation.
        total: how many answers there will be, for the progress bar.

    Raises:
        ValueError: a process failed; quotes the end of its log.
    """
    logs = [output / f"share-{index}.log" for index in range(count)]
    answered = _Answered(output)
    bar = tqdm(total=total, initial=answered(), desc=f"{count} processes", leave=False)
    with _started(count, output, logs) as processes, bar:
        while any(process.poll() is None for process in processes):
            _wait(processes)
            bar.update(min(answered(), total) - bar.n)
    failed = [index for index, process in enumerate(processes) if process.returncode != 0]
    if failed:
        log = logs[failed[0]]
        said = "\n".join(log.read_text(errors="replace").splitlines()[-_LAST_LINES:])
        raise ValueError(
            f"{len(failed)} of {count} processes failed; what was answered is kept, and the same"
            f" call goes on there. The first, {log}, ends with:\n{said}"
        )


def end_with_parent() -> None:
    """End this process when the one that started it for a share has ended, even by a kill.

    A share that somebody starts by hand has no such process.
    """
    parent = os.environ.get(_PARENT)
    if parent is not None:
        Thread(target=_outlive, args=(int(parent),), daemon=True).start()


def _outlive(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK_S)
    os.kill(os.getpid(), signal.SIGTERM)


@contextmanager
def _started(
    count: int, output: Path, logs: Sequence[Path]
) -> Iterator[list[subprocess.Popen[bytes]]]:
    """The processes; they end with this one, however it ends."""
    processes = []
    try:
        for index, log in enumerate(logs):
            own = ("processes=1", f"share={index}/{count}", f"run_dir={quoted(str(output))}")
            with log.open("wb") as file:
                processes.append(
                    subprocess.Popen(
                        [*sys.orig_argv, *own],
                        stdout=file,
                        stderr=subprocess.STDOUT,
                        env=_surroundings(index, count),
                    )
                )
        yield processes
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait()


def _surroundings(index: int, count: int) -> dict[str, str]:
    """The environment of a process: one GPU, or its part of the cores."""
    environment = {**os.environ, _PARENT: str(os.getpid())}
    gpus = num_gpus()
    if gpus:
        visible = environment.get("CUDA_VISIBLE_DEVICES") or ",".join(map(str, range(gpus)))
        environment["CUDA_VISIBLE_DEVICES"] = visible.split(",")[index % gpus]
    else:
        cores = str(max((os.cpu_count() or 1) // count, 1))
        environment.setdefault("OMP_NUM_THREADS", cores)
    return environment


class _Answered:
    """How many answers stand in the files of a folder; what was counted is not read again."""

    def __init__(self, output: Path) -> None:
        self._output = output
        self._read: dict[Path, int] = {}
        self._lines = 0

    def __call__(self) -> int:
        for path in self._output.glob("*.jsonl"):
            with path.open("rb") as file:
                file.seek(self._read.get(path, 0))
                self._lines += file.read().count(b"\n")
                self._read[path] = file.tell()
        return self._lines


def _wait(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        if process.poll() is None:
            try:
                process.wait(_LOOK_S)
            except subprocess.TimeoutExpired:
                return
