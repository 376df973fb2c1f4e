"""What only the user can say: values that a configuration leaves open (`???`)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_OPEN = "???"

_MEANT = {
    "ckpt": "a run folder, a checkpoint step_*.ckpt in one, or a folder in Hugging Face format",
    "model.path": "a folder that from_pretrained loads, or a hub id",
    "data.train.sources.files.mine": "your rows: a .json, .jsonl, .parquet or .arrow file, a folder"
    " or a pattern; or data=NAME of a file in configs/data",
}


def refuse_missing(cfg: Any) -> None:
    """Raise ValueError for values that are open, all in one sentence with what is meant.

    ``cfg`` is the configuration as plain dictionaries and lists, interpolations as they stand.
    """
    missing = open_keys(cfg)
    if "ckpt" in missing:  # of a run, it says the others too
        missing = ["ckpt"]
    if missing:
        wanted = "; ".join(f"{path}=... ({_MEANT.get(path, 'no value yet')})" for path in missing)
        wanted = wanted.replace("files.mine=", "files=")  # a name for it is not needed
        raise ValueError(f"still to be said: {wanted}. docs/recipes.md begins with an example.")


def open_keys(cfg: Any) -> list[str]:
    """Dotted names of the values that are open."""
    return list(_open(cfg))


def _open(node: Any, path: str = "") -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield from _open(value, f"{path}.{key}" if path else str(key))
    elif node == _OPEN:
        yield path
