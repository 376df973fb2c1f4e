"""Columns that the rows carry and the configuration does not name, with the line to add."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator, Mapping
from typing import Any

from omegaconf import DictConfig, OmegaConf

from sophia.cli.running.data import DataPart
from sophia.data.dataset import RowDataset
from sophia.data.rows.known import UnmappedColumn

log = logging.getLogger(__name__)

_PLAIN = re.compile(r"[\w.-]+")


def warn_of_columns(cfg: DictConfig, datasets: Mapping[DataPart, Any]) -> None:
    """Warn of every such column in the log, once per source."""
    for line in column_advice(cfg, datasets):
        log.warning("%s", line)


def column_advice(cfg: DictConfig, datasets: Mapping[DataPart, Any]) -> list[str]:
    """A sentence for every such column of a source; ``datasets`` are the parts by their names."""
    first: dict[tuple[str, str, str], UnmappedColumn] = {}
    keys: dict[tuple[str, str, str], list[str]] = {}
    for part, dataset in datasets.items():
        for place, found in _unmapped(dataset):
            which = (found.source, found.meaning, found.column)
            first.setdefault(which, found)
            key = _key(cfg, part, place, found.meaning)
            keys.setdefault(which, []).extend([] if key is None else [key])
    return [_sentence(found, keys[which]) for which, found in first.items()]


def _unmapped(dataset: Any) -> Iterator[tuple[int, UnmappedColumn]]:
    """With the place of the source among those of the data set; built-in data have no columns."""
    if isinstance(dataset, RowDataset):
        for place, source in enumerate(dataset.sources):
            yield from ((place, found) for found in source.unmapped_columns())


def _key(cfg: DictConfig, part: DataPart, place: int, meaning: str) -> str | None:
    """The key to set on the command line; None where another part's decides."""
    path = ["data", part, "sources"]
    if OmegaConf.is_list(OmegaConf.select(cfg, ".".join(path))):
        path.append(str(place))
    path += ["columns", meaning]
    node: Any = cfg
    for step in path:
        key: Any = int(step) if OmegaConf.is_list(node) else step
        if OmegaConf.is_dict(node) and key not in node:
            return f"+{'.'.join(path)}"
        if OmegaConf.is_interpolation(node, key):
            return None
        node = node[key]
    return ".".join(path)


def _sentence(found: UnmappedColumn, keys: list[str]) -> str:
    name = found.column if _PLAIN.fullmatch(found.column) else json.dumps(found.column)
    overrides = " ".join(f"{key}={name}" for key in keys)
    typed = f" (on the command line {overrides})" if keys else ""
    return (
        f"source {found.source!r}: the rows carry {found.column!r} (such as {found.example!r}),"
        f" which no column is mapped to, so {found.consequence}. If that is what it is, add"
        f" `{found.meaning}: {name}` under `columns`{typed}."
    )
