"""After the last job of a sweep, under any launcher: one table over all runs, and a page.

Hydra imports this at every start of a command, so what the table needs is imported when it is made.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from sophia.cli.sweep.folder import job_folders
from sophia.run.folder import RunFolder

log = logging.getLogger(__name__)


class SweepEnd(Callback):
    """Hydra's callback that compares the runs of a sweep once all its jobs are over."""

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """Compare the runs that have finished; the exit status is 1 when one has not."""
        folder = Path(config.hydra.sweep.dir)
        summarise_sweep(folder)


def summarise_sweep(folder: Path) -> None:
    """Print the table of a sweep's finished runs, and write sweep.csv and sweep.html.

    Exits with status 1, after naming them, when runs have not finished.
    """
    from rich.console import Console

    from sophia.report.sweep import load_runs, settings, sweep_table, sweep_title, write_sweep

    outputs = {path.parent for path in folder.rglob("output.log")}
    folders = sorted({*job_folders(folder), *outputs})
    runs = load_runs(folders)
    unfinished = [path for path in folders if not RunFolder(path=path).is_finished]
    if runs:
        write_sweep(folder, runs, failed=unfinished)
        console = Console()
        title = f"{sweep_title(runs)} ({len(runs)} runs)"
        console.print(sweep_table(settings(runs), title=title))
        console.print(f"written to {folder}: sweep.html, sweep.csv", highlight=False)
    if unfinished:
        names = ", ".join(path.name for path in unfinished)
        log.error(
            "error: %d runs have not finished (%s); see output.log in their folders, and call the"
            " same sweep again to go on.", len(unfinished), names,
        )  # fmt: skip
        sys.exit(1)
