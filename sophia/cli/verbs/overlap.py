"""`overlap`: looks for benchmarks among the training rows of a run, and lists what it finds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from omegaconf import DictConfig
from rich.console import Console
from rich.progress import track

from sophia.benchmarks.overlap.files import EXCLUDE, PAIRS, UNREAD, OverlapFiles, overlap_files
from sophia.benchmarks.overlap.finder import compare
from sophia.benchmarks.overlap.sketches import Sketches
from sophia.benchmarks.overlap.table import overlap_table
from sophia.benchmarks.overlap.tally import Tally
from sophia.benchmarks.overlap.target import Target, open_target
from sophia.benchmarks.overlap.thresholds import Thresholds
from sophia.cli.commands import CONFIGS
from sophia.cli.quiet import quiet_libraries
from sophia.cli.running.benchmarks import Asked, open_benchmarks
from sophia.cli.running.build import build
from sophia.cli.running.data import build_dataset
from sophia.data.check.check import num_rows, rows_of
from sophia.data.dataset import RowDataset
from sophia.report.overlap import write_overlap_page

_SKETCHES = "sketches-1.sqlite"
"""Its number changes when sketches do."""
_PAGE = "overlap.html"


def overlap(cfg: DictConfig) -> None:
    """Compare the training rows with every benchmark that is named, and show and write all of it.

    Raises:
        ValueError: no benchmark is named, or a file of data or benchmarks cannot be used.
    """
    quiet_libraries()
    thresholds: Thresholds = build(cfg, "thresholds")
    if not cfg.benchmarks:
        known = ", ".join(sorted(path.stem for path in (CONFIGS / "benchmark").glob("*.yaml")))
        raise ValueError(
            "no benchmark is named, so there is nothing to compare the training rows with. Say"
            f" benchmark=[NAME,NAME]; known are {known or 'none'}."
        )
    dataset = build_dataset(cfg, "train")
    benchmarks = open_benchmarks(cfg, limit=None)
    folder = Path(cfg.run_dir)
    with Sketches(Path(cfg.cache_dir) / _SKETCHES) as sketches:
        targets = [_opened(asked, sketches, thresholds) for asked in benchmarks]
        tallies = [Tally(target) for target in targets]
        rows = track(rows_of(dataset), total=num_rows(dataset), description="training rows")
        with overlap_files(folder, targets, exclude=cfg.exclude) as files:
            for compared in compare(rows, targets, sketches=sketches):
                files.add(compared)
                for tally in tallies:
                    tally.add(compared)
    _show(folder, tallies, files, can_exclude=isinstance(dataset, RowDataset))


def _opened(asked: Asked, sketches: Sketches, thresholds: Thresholds) -> Target:
    def shown(places: Iterable[int]) -> Iterator[int]:
        yield from track(places, total=len(asked.items), description=asked.name)

    return open_target(
        asked.name, asked.items, sketches=sketches, thresholds=thresholds, track=shown
    )


def _show(folder: Path, tallies: list[Tally], files: OverlapFiles, *, can_exclude: bool) -> None:
    names = ", ".join(tally.target.name for tally in tallies)
    write_overlap_page(
        folder / _PAGE,
        tallies,
        title=f"Training rows beside {names}",
        subtitle=f"{files.num_rows:,} training rows were compared, {files.num_unread:,} rows or"
        " images could not be read.",
    )
    console = Console()
    console.print(overlap_table(tallies))
    lines = [f"{files.num_rows:,} training rows compared"]
    if files.num_unread:
        lines.append(f"{files.num_unread:,} rows or images could not be read ({UNREAD}), such as")
        lines += [f"  {sentence}" for sentence in files.unread]
    uniform = sum(tally.target.num_uniform for tally in tallies)
    if uniform:
        lines.append(f"{uniform:,} images of benchmarks are nearly uniform, and so like none")
    if files.num_excluded and can_exclude:
        lines.append(
            f"leave these {files.num_excluded:,} rows out of a run:"
            f" data.train.exclude={folder / EXCLUDE}"
        )
    lines.append(f"written to {folder}: {_PAGE}, {PAIRS}, {EXCLUDE}, {UNREAD}")
    for line in lines:
        console.print(line, highlight=False, markup=False, soft_wrap=True)
