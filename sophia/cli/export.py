"""`export`: a checkpoint of a run -> a folder in Hugging Face format."""

from __future__ import annotations

import logging
from pathlib import Path

from omegaconf import DictConfig

from sophia.cli.quiet import quiet_libraries
from sophia.run.convert import export_checkpoint, resolve_checkpoint

log = logging.getLogger(__name__)


def export(cfg: DictConfig) -> None:
    """Write the policy of a checkpoint, from however many processes, to one folder."""
    if cfg.ckpt is None or cfg.out is None:
        raise ValueError("say python -m sophia export ckpt=<run folder or checkpoint> out=<folder>")
    out = Path(cfg.out)
    if out.exists():
        raise ValueError(f"out={out} exists already; name a new folder.")
    quiet_libraries()
    ckpt = resolve_checkpoint(Path(cfg.ckpt))
    export_checkpoint(ckpt, out, max_shard_size=cfg.max_shard_size)
    log.info("%s -> %s", ckpt, out)
