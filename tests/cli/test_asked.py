"""What decides whether kept answers are about the same rows."""

from __future__ import annotations

from pathlib import Path

from sophia.benchmarks.readers.together import Together
from sophia.benchmarks.readers.tsv import TSV
from sophia.cli.running.benchmarks import Asked
from tests.benchmarks.fixtures.writing import write_tsv
from tests.benchmarks.listed import sums
from tests.benchmarks.test_tsv import row


def contents(root: Path) -> str:
    parts = {name: TSV(file=name, index="index") for name in ("2D", "3D")}
    items = Together(parts=parts, label="task").read(root, cache=root / "cache")
    return Asked(name="both", benchmark=sums(), items=items, places=range(len(items))).contents


def test_a_row_that_was_edited_is_another_row(tmp_path: Path) -> None:
    for name in ("2D", "3D"):
        write_tsv(tmp_path / f"{name}.tsv", [row(1), row(2)])
    first = contents(tmp_path)
    (tmp_path / "another file").touch()
    assert contents(tmp_path) == first
    table = tmp_path / "3D.tsv"
    table.write_text(table.read_text().replace("Which", "Whose", 1))
    assert contents(tmp_path) != first


def test_an_image_that_was_mended_is_another_one(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"broken")
    for name in ("2D", "3D"):
        write_tsv(tmp_path / f"{name}.tsv", [row(1, image_path="a.png")])
    first = contents(tmp_path)
    (tmp_path / "a.png").write_bytes(b"mended, we say")
    assert contents(tmp_path) != first
