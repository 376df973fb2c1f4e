"""Memory does not grow with the images of a file."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.benchmarks.many_rows import write_many


def test_a_file_of_100_megabytes_is_unpacked_in_a_fraction_of_them(tmp_path: Path) -> None:
    path = tmp_path / "Many.tsv"
    write_many(path, num_rows=800, image_bytes=100_000)
    command = [sys.executable, "-m", "tests.benchmarks.many_rows", "--read", str(path)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    taken = re.search(r"of which (\d+) MB", said)
    assert said.startswith("800 rows")
    assert taken is not None
    assert int(taken[1]) < 50
