"""A user's mistake ends in one readable sentence; ``debug=true`` shows where it came up."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterator

from sophia.failures import RunStopped

log = logging.getLogger(__name__)


@contextlib.contextmanager
def readable_errors(*, debug: bool) -> Iterator[None]:
    """Turn ValueError, OSError and RunStopped into a message and exit status 1."""
    try:
        yield
    except (ValueError, OSError, RunStopped) as error:
        if debug:
            raise
        log.error("error: %s", error)
        sys.exit(1)
