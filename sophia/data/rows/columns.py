"""Which column of a row means what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """The user's column names by what the column means; None where the data have no such column.

    A name with dots reaches into structs (``reward_model.ground_truth``). What may stand in each
    column is said in docs/recipes.md.
    """

    problem: str
    answer: str
    images: str | None = None
    problem_type: str | None = None
    options: str | None = None
    uid: str | None = None
    data_type: str | None = None
    """``image`` or ``text``: what the row says of itself, checked against the images it has."""
    tolerance: str | None = None

    @property
    def own_names(self) -> dict[str, str]:
        """The data's own name of each column that the mapping names, by our name of it."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: value for name, value in values.items() if value is not None}

    @property
    def mapped(self) -> frozenset[str]:
        """The top-level keys that the mapping uses; the other columns become metadata."""
        return frozenset(value.split(".")[0] for value in self.own_names.values())


def has_cell(row: Mapping[str, Any], column: str) -> bool:
    """Whether the row has the column (the cell may still be empty)."""
    return column in row or _descend(row, column) is not _ABSENT


def cell(row: Mapping[str, Any], column: str | None) -> Any:
    """The row's value in a column, or None where no column is named or the row lacks it."""
    if column is None:
        return None
    value = row[column] if column in row else _descend(row, column)
    return None if value is _ABSENT else value


_ABSENT = object()


def _descend(row: Mapping[str, Any], column: str) -> object:
    value: object = row
    for key in column.split("."):
        if not isinstance(value, Mapping) or key not in value:
            return _ABSENT
        value = value[key]
    return value
