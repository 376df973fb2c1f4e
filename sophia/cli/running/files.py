"""The files of a run's data and model, looked for before anything is built.

Missing ones are named at once, with how to get them.
"""

from __future__ import annotations

import glob
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

if TYPE_CHECKING:
    from sophia.models.hub import Need

DATA_ON_THE_HUB = {
    "SophiaVL-R1-130k": "bunny127/SophiaVL-R1-130k",
    "geometry3k": "hiyouga/geometry3k",
    "math12k": "hiyouga/math12k",
    "journeybench": "hiyouga/journeybench-multi-image-vqa",
}
"""Where the sets of configs/data are published, by the folder that they are expected in."""


def check_data_files(cfg: DictConfig, *parts: str) -> None:
    """Raise ValueError when a path or pattern of these parts of the data matches no file.

    Patterns are relative to the working directory; data that are not files are left alone.
    """
    for part in parts:
        node = OmegaConf.to_container(OmegaConf.select(cfg, f"data.{part}"), resolve=True)
        missing = [(key, p) for key, p in _patterns(node, f"data.{part}") if not _matches(p)]
        if missing:
            key, pattern = missing[0]
            others = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            raise ValueError(
                f"no file matches {pattern!r} ({key}{others}), looked for from {Path.cwd()}."
                f" {_remedy(pattern)}"
            )


def check_model(cfg: DictConfig, need: Need) -> None:
    """Raise ValueError when ``model.path`` is neither here nor to be had from the Hub.

    ``need`` says how much of it is asked for, as in ``sophia.models.hub``.
    """
    if cfg.model.path is not None:
        from sophia.models.hub import check_checkpoint  # not for the built-in model

        check_checkpoint(cfg.model.path, need)


def _patterns(node: Any, path: str) -> Iterator[tuple[str, str]]:
    """Key and pattern of each file of the sources in a node."""
    if isinstance(node, list):
        for place, value in enumerate(node):
            yield from _patterns(value, f"{path}[{place}]")
    if not isinstance(node, dict):
        return
    target = str(node.get("_target_", "")).rpartition(".")[2]
    if target == "row_sources":
        yield from _files(node["files"], f"{path}.files")
    elif target == "RowSource" and isinstance(node.get("rows"), str):
        yield f"{path}.rows", node["rows"]
    else:
        for key, value in node.items():
            yield from _patterns(value, f"{path}.{key}")


def _files(files: Any, path: str) -> Iterator[tuple[str, str]]:
    """Those of ``row_sources``: a mapping, a list, or one alone."""
    if isinstance(files, dict):
        yield from ((f"{path}.{name}", str(pattern)) for name, pattern in files.items())
    elif isinstance(files, list):
        yield from ((f"{path}[{place}]", str(pattern)) for place, pattern in enumerate(files))
    else:
        yield path, str(files)


def _matches(pattern: str) -> bool:
    return Path(pattern).exists() or any(glob.iglob(pattern, recursive=True))


def _remedy(pattern: str) -> str:
    for folder in Path(pattern).parents:
        if folder.name in DATA_ON_THE_HUB:
            return (
                f"Download the set: hf download {DATA_ON_THE_HUB[folder.name]} --repo-type dataset"
                f" --local-dir {folder}; docs/running.md says how the folder looks."
            )
    return "Check the path, or start in the folder that it is relative to."
