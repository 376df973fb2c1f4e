"""Opening the folder of a run: a new one, or one that goes on, and nobody else in it."""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from sophia.run.folder import RunFolder
from sophia.run.resume import changes

log = logging.getLogger(__name__)

_HELD: set[int] = set()  # descriptors of the folders that this process keeps others out of


def _let_go() -> None:
    """A forked child (a loader's worker) that outlives a killed run must not keep its lock."""
    for folder in _HELD:
        os.close(folder)
    _HELD.clear()


os.register_at_fork(after_in_child=_let_go)


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Keep other processes out of a run's folder, which is made if need be; a kill lets go of it.

    Raises:
        ValueError: another process is at work in it.
    """
    path.mkdir(parents=True, exist_ok=True)
    folder = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(folder)
        raise ValueError(
            f"another process is at work in {path}; wait for its end, or choose another run_dir."
        ) from None
    except OSError:  # a file system without locks
        log.info("%s cannot be locked: see that no second process runs in it", path)
    _HELD.add(folder)
    try:
        yield
    finally:
        if folder in _HELD:
            _HELD.remove(folder)
            os.close(folder)


def open_run_folder(path: Path, settings: str, *, resume: bool) -> RunFolder:
    """The folder of a new run, or of one that goes on.

    A start that ended before its first step leaves no run: its folder is taken over. ``settings``
    is the configuration as YAML, interpolations unresolved; those of a run that goes on may differ
    in what leaves its steps as they were (``sophia.run.resume``).

    Raises:
        ValueError: a new run would write over another, there is nothing to resume, or the settings
            differ in something else.
    """
    folder = RunFolder(path=path)
    if not resume and folder.has_steps:
        raise ValueError(
            f"{path} already holds a run of {folder.num_steps_done} steps. Add resume=true to"
            " continue it, or choose another run_dir."
        )
    if resume and not folder.has_begun:
        raise ValueError(
            f"resume=true, but there is no run in {path} (no {folder.config.name}). Check run_dir,"
            " or leave resume away to start one."
        )
    if resume:
        _go_on(folder, settings)
    else:
        _forget_start(folder)
    path.mkdir(parents=True, exist_ok=True)
    partial = folder.config.with_name(folder.config.name + ".partial")
    partial.write_text(settings)
    os.replace(partial, folder.config)
    return folder


def _go_on(folder: RunFolder, settings: str) -> None:
    """Refuse what would change the past, and put aside what the end of a shorter run has left.

    A run without a step has no past: with other settings it starts anew.
    """
    theirs, yours = yaml.safe_load(folder.config.read_text()), yaml.safe_load(settings)
    found = changes(theirs, yours)
    refused = [change for change in found if not change.is_harmless]
    if refused and not folder.has_steps:
        _forget_start(folder)
        return
    if refused:
        lines = "\n".join(f"  {change}" for change in refused)
        raise ValueError(
            f"the run in {folder.path} was started with other settings; resume it with the same, or"
            f" start a new one elsewhere. Theirs -> yours:\n{lines}\n"
            "A resume may change what leaves the steps that are done as they were: num_steps,"
            " workers, the judge's address, loggers, and how often something is saved, shown or"
            " validated."
        )
    done, wanted = folder.num_steps_done, yours.get("num_steps", 0)
    if theirs.get("num_steps") == wanted:
        return
    if wanted < done:
        raise ValueError(f"num_steps is {wanted}, but the run in {folder.path} has done {done}.")
    log.info(
        "num_steps: %s -> %s; schedules that end with the run (decay_steps: ${num_steps}) stretch",
        theirs.get("num_steps"), wanted,
    )  # fmt: skip
    for path in (folder.evaluation("after"), folder.record):
        if path.is_file():
            path.replace(path.with_name(f"{path.stem}_step_{done:06d}{path.suffix}"))


def _forget_start(folder: RunFolder) -> None:
    """Remove what a start that came to no step has left, where a new one would take it over."""
    for path in (folder.evaluation("before"), folder.gallery, folder.validation):
        path.unlink(missing_ok=True)
    for kept in (folder.best, folder.checkpoints):  # of step 0, if it was stopped there
        shutil.rmtree(kept, ignore_errors=True)
