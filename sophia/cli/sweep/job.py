"""`python -m sophia.cli.sweep.job`: a run that ends when the sweep that started it does."""

from __future__ import annotations

import os
import sys
import threading

from sophia.cli.commands import COMMANDS
from sophia.cli.start import run


def main() -> None:
    """Train, watching for the end of standard input."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    run(COMMANDS["train"])


def _end_with_parent() -> None:
    """The parent holds the other end and writes nothing: an end of file is its end.

    Nothing is lost: checkpoints are whole, and the next call of the sweep resumes the run.
    """
    os.read(sys.stdin.fileno(), 1)
    os._exit(1)


if __name__ == "__main__":
    main()
