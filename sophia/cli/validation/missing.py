"""What only the user can say: values that a configuration leaves open (`???`)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sophia.run.folder import is_policy, no_such_checkpoint, of_hub

_OPEN = "???"

_MEANT = {
    "ckpt": "a run folder, a checkpoint step_*.ckpt in one, or a folder in Hugging Face format",
    "question": "what to ask; - reads questions from standard input, one a line",
    "benchmarks.own.sources.0.file": "your rows as a TSV file in VLMEvalKit's format",
    "model.path": "a folder that from_pretrained loads, or a hub id",
    "data.train.sources.files.mine": "your rows: a .json, .jsonl, .parquet or .arrow file, a folder"
    " or a pattern; or data=NAME of a file in configs/data",
}


def refuse_missing(cfg: Any) -> None:
    """Raise ValueError for values that are open, all in one sentence with what is meant.

    ``cfg`` is the configuration as plain dictionaries and lists, interpolations as they stand.
    """
    missing = open_keys(cfg)
    if cfg.get("ckpt") and cfg.get("benchmarks"):  # which bring their own questions
        missing = [key for key in missing if not key.startswith("data.")]
    for ckpt in _ckpts(cfg) if missing else ():  # which would have said the rest, were it a run
        if not (is_policy(ckpt) or of_hub(ckpt)):
            raise no_such_checkpoint(ckpt)
    if "ckpt" in missing:
        missing = [key for key in missing if not key.startswith("data.")]
    if missing:
        wanted = "; ".join(f"{path}=... ({_MEANT.get(path, 'no value yet')})" for path in missing)
        wanted = wanted.replace("files.mine=", "files=")  # a name for it is not needed
        example = "" if "ckpt" in cfg else " docs/recipes.md begins with an example."
        raise ValueError(f"still to be said: {wanted}.{example}")


def _ckpts(cfg: Any) -> list[Path]:
    named = cfg.get("ckpt") or _OPEN
    return [
        Path(str(one)) for one in ([named] if isinstance(named, str) else named) if one != _OPEN
    ]


def open_keys(cfg: Any) -> list[str]:
    """Dotted names of the values that are open."""
    return list(_open(cfg))


def _open(node: Any, path: str = "") -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield from _open(value, f"{path}.{key}" if path else str(key))
    elif isinstance(node, list):
        for place, value in enumerate(node):
            yield from _open(value, f"{path}.{place}")
    elif node == _OPEN:
        yield path
