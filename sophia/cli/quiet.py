"""Keeps libraries' remarks that say nothing about the run off the screen."""

from __future__ import annotations

import logging
import warnings

from transformers.utils import logging as transformers_logging

from sophia.cli.running.processes import is_rank_zero

_REMARKS = (
    r".*does not have many workers.*",
    r".*`enable_checkpointing=False`.*",
    r".*Checkpoint directory .* exists and is not empty.*",
    r".*module\(s\) in eval mode at the start of training.*",  # meant: no dropout in RL
    r".*isinstance\(treespec, LeafSpec\).*",
    r".*Glyph .* missing from font.*",
)


def quiet_libraries() -> None:
    """Silence progress bars of weight loading, device summaries and hints for other settings.

    Of several processes the first one speaks for all.
    """
    if not is_rank_zero():
        logging.getLogger("sophia").setLevel(logging.WARNING)
    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()
    for name in (
        "lightning.pytorch.utilities.rank_zero",
        "lightning.pytorch.accelerators.cuda",
        "httpx",  # one line per request, of a judge's hundreds per step
        "httpx2",
    ):
        logging.getLogger(name).setLevel(logging.WARNING)
    for remark in _REMARKS:
        warnings.filterwarnings("ignore", message=remark)
