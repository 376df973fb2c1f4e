"""How fast a large TSV file is unpacked and read, and in how much memory.

`python -m tests.benchmarks.many_rows [--rows 10000] [--kilobytes 100]` writes such a file into a
temporary folder, reads it in processes of their own, and shows rows per second and peak memory.
"""

from __future__ import annotations

import argparse
import base64
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from sophia.benchmarks.readers.tsv import TSV

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


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--kilobytes", type=int, default=100, help="of an image")
    parser.add_argument("--read", type=Path, help=argparse.SUPPRESS)
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


if __name__ == "__main__":
    main()
