"""Checkpoints that are whole or absent, and finding the last whole one of a run.

A checkpoint is one file (one process, or copies on several) or one folder (sharded).
"""

from __future__ import annotations

import functools
import json
import logging
import os
import re
import shutil
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

log = logging.getLogger(__name__)

_NAME = re.compile(r"step_(\d+)\.ckpt")
_MANIFEST = "manifest.json"
_CHUNK = 1 << 24


def commit_folder(partial: Path, target: Path) -> None:
    """Turn a folder whose files are written into the checkpoint ``target``.

    A list of its files with sizes and check sums is added; a checkpoint of that name is replaced.
    """
    sums = {name: [size, crc] for name, size, crc in _sums(partial)}
    manifest = partial / _MANIFEST
    with manifest.open("w") as file:
        json.dump(sums, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    if target.exists():  # one that was found damaged, or that a resume has passed again
        remove_checkpoint(target)
    os.replace(partial, target)


def checkpoint_path(folder: Path, rl_step: int) -> Path:
    """The path in a folder of checkpoints of the state after ``rl_step`` RL steps."""
    return folder / f"step_{rl_step:06d}.ckpt"


def step_of(path: Path) -> int | None:
    """How many RL steps a checkpoint has behind it, by its name; None for another name."""
    match = _NAME.fullmatch(path.name)
    return int(match[1]) if match else None


def list_checkpoints(folder: Path) -> list[tuple[int, Path]]:
    """The checkpoints in a folder as (RL steps done, path), earliest first, whole or not."""
    found = [
        (step, path) for path in folder.glob("step_*.ckpt") if (step := step_of(path)) is not None
    ]
    return sorted(found)


def last_whole_checkpoint(folder: Path) -> tuple[int, Path] | None:
    """The latest whole checkpoint as (RL steps done, path); the log names damaged later ones.

    None when no checkpoint in the folder reads back as it was written.
    """
    for rl_step, path in reversed(list_checkpoints(folder)):
        if is_whole(path):
            return rl_step, path
        log.warning("checkpoint %s is damaged; looking for the one before it", path)
    return None


def is_whole(path: Path) -> bool:
    """Whether every byte of a checkpoint is what was written, by the check sums kept with it."""
    return _is_whole(path, path.stat().st_mtime_ns)


def remove_checkpoint(path: Path) -> None:
    """Delete a checkpoint; a kill on the way leaves nothing that looks like one."""
    doomed = path.with_suffix(".deleted")
    if doomed.is_dir():
        shutil.rmtree(doomed)
    os.replace(path, doomed)
    if doomed.is_dir():
        shutil.rmtree(doomed)
    else:
        doomed.unlink()


@functools.cache
def _is_whole(path: Path, _changed_ns: int) -> bool:
    if path.is_file():
        try:
            with zipfile.ZipFile(path) as archive:  # which is what torch.save writes
                return archive.testzip() is None
        except zipfile.BadZipFile:
            return False
    manifest = path / _MANIFEST
    if not manifest.is_file():
        return False
    try:
        listed = json.loads(manifest.read_text())
        expected = {name: (values[0], values[1]) for name, values in listed.items()}
    except (ValueError, TypeError, AttributeError, LookupError):  # the list itself is damaged
        return False
    sizes = {f.name: f.stat().st_size for f in path.iterdir() if f != manifest}
    if sizes != {name: size for name, (size, _) in expected.items()}:
        return False  # cheap, and what a full disk leaves
    return expected == {name: (size, crc) for name, size, crc in _sums(path)}


def _sums(folder: Path) -> list[tuple[str, int, int]]:
    """Each file of a checkpoint but the list itself, as (name, size in bytes, CRC-32)."""
    files = sorted(f for f in folder.iterdir() if f.is_file() and f.name != _MANIFEST)
    with ThreadPoolExecutor() as pool:
        return list(pool.map(_sum, files))


def _sum(path: Path) -> tuple[str, int, int]:
    size = crc = 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            size += len(chunk)
            crc = zlib.crc32(chunk, crc)
    return path.name, size, crc
