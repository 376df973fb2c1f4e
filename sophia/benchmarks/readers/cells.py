"""Values of parquet and JSON rows as the texts that a TSV file would have in their place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sophia.benchmarks.readers.layout import Row


def texts(row: Mapping[str, Any]) -> Row:
    """The cells that hold something; the field ``task`` of a struct is ``metadata.task``."""
    return dict(_flat(row, ""))


def _flat(row: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    for name, value in row.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        elif value is not None:
            yield f"{prefix}{name}", str(value)
