"""A key that one choice of a group has and the chosen one has not."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from omegaconf import OmegaConf


def of_another_choice(key: str, *, target: str, taken: Collection[str], configs: Path) -> str:
    """``Cispo takes max_ratio, min_ratio; dual_clip is a key of algorithm/loss/policy=clipped``.

    "" where no choice of the group at the key's place has such a key.

    Args:
        key: the whole key, dotted.
        target: the class that was chosen at its place.
        taken: the keys that this class takes.
        configs: the folder of the groups.
    """
    parent, _, last = key.rpartition(".")
    group = parent.replace(".", "/")
    files = sorted((configs / group).glob("*.yaml")) if parent else []
    having = [f"{group}={file.stem}" for file in files if last in _keys(file)]
    if not having:
        return ""
    keys = ", ".join(sorted(k for k in taken if not k.startswith("_"))) or "no keys"
    chosen = target.rpartition(".")[2]
    return f"{chosen} takes {keys}; {last} is a key of {' and of '.join(having)}"


def _keys(file: Path) -> set[str]:
    loaded = OmegaConf.to_container(OmegaConf.load(file))
    assert isinstance(loaded, dict)
    return {str(key) for key in loaded}
