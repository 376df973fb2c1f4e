"""How fast a large TSV file is read, and how fast it is answered; and in how much memory.

`python -m tests.benchmarks.many_rows [--rows 10000] [--kilobytes 100]` writes such a file into a
temporary folder, reads it in processes of their own, and shows rows per second and peak memory.
With `--answer` a tiny random model answers files of a tenth of the rows and of all of them by
`evaluate.py`, and then all of it is shown once more from what is on disk.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from sophia.benchmarks.readers.tsv import TSV
from tests.benchmarks.fixtures.writing import in_base64
from tests.commands import ROOT

HEADER = "index\tquestion\tA\tB\tC\tD\timage\tanswer\tcategory\n"


def write_many(path: Path, *, num_rows: int, image_bytes: int) -> None:
    """A file of that many rows, each with an image of its own; they need not be decodable."""
    draw = np.random.default_rng(0)
    with path.open("w") as file:
        file.write(HEADER)
        for row in range(num_rows):
            image = b"\xff\xd8\xff" + draw.bytes(image_bytes - 3)
            cells = (row, f"Which one is number {row}?", "one", "two", row, row + 1)
            text = "\t".join(map(str, cells))
            file.write(f"{text}\t{base64.b64encode(image).decode()}\tC\tc{row % 9}\n")


def read_once(path: Path) -> str:
    """What reading the file in this process took."""
    before = _peak()
    start = time.perf_counter()
    found = TSV(file=str(path)).read(path, cache=path.parent / "cache")
    seconds = time.perf_counter() - start
    last = found[len(found) - 1]
    assert last.options["C"] == last.index
    return (
        f"{len(found)} rows in {seconds:.1f} s, {len(found) / seconds:.0f} rows/s,"
        f" peak {_peak():.0f} MB, of which {_peak() - before:.0f} MB by the reading"
    )


def answer(folder: Path, *, num_rows: int) -> str:
    """What `evaluate.py` took for a file of that many rows, each with a small image of its own."""
    path, out = folder / f"rows{num_rows}.tsv", folder / f"out{num_rows}"
    if not path.is_file():
        _write_decodable(path, num_rows=num_rows)
    command = [
        sys.executable, "evaluate.py", f"ckpt={folder / 'tiny'}", "benchmark=own",
        f"benchmarks.own.sources.0.file={path}", "sampling.max_new_tokens=4", "prompt_limits=tiny",
        f"run_dir={out}",
    ]  # fmt: skip
    start = time.perf_counter()
    environment = {**os.environ, "HOME": str(folder / "home")}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError((folder / "log").read_text())
    seconds = time.perf_counter() - start
    (column,) = json.loads((out / "benchmarks.json").read_text())["own"]["policies"]
    assert column["answers"] == num_rows
    return (
        f"{num_rows} rows in {seconds:.0f} s, of which {column['seconds']:.0f} s answering,"
        f" {num_rows / column['seconds']:.0f} rows/s; peak {usage.ru_maxrss / 1024:.0f} MB"
    )


def _write_decodable(path: Path, *, num_rows: int) -> None:
    with path.open("w") as file:
        file.write(HEADER)
        for row in range(num_rows):
            cells = (row, f"Which one is number {row}?", "one", "two", row, row + 1)
            text = "\t".join(map(str, cells))
            file.write(f"{text}\t{in_base64(row, kind='JPEG')}\tC\tc{row % 9}\n")


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--kilobytes", type=int, default=100, help="of an image")
    parser.add_argument("--read", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--answer", action="store_true", help="have a tiny model answer too")
    options = parser.parse_args()
    if options.read:
        sys.stdout.write(read_once(options.read) + "\n")
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "Many.tsv"
        write_many(path, num_rows=options.rows, image_bytes=options.kilobytes * 1000)
        sys.stdout.write(f"{path.stat().st_size / 1e6:.0f} MB\n")
        for title in ("unpacked", "read again"):
            sys.stdout.write(f"{title}: ")
            sys.stdout.flush()
            command = [sys.executable, "-m", "tests.benchmarks.many_rows", "--read", str(path)]
            subprocess.run(command, check=True)
        if options.answer:
            from tests.tiny import TINY, corpus  # and torch, which the reading is measured without

            TINY.save(Path(folder) / "tiny", corpus=corpus())
            for num_rows in (options.rows // 10, options.rows, options.rows):
                sys.stdout.write(f"answered: {answer(Path(folder), num_rows=num_rows)}\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main()
