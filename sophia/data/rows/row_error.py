"""Where a prompt came from, and the error that says which row is wrong and how to mend it."""

from __future__ import annotations

from dataclasses import dataclass

from sophia.types import Prompt


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The place of a row; rides along as ``Prompt.metadata['origin']``."""

    source: str
    file: str
    row: int
    """0-based within the file, as dataset viewers count."""
    image_column: str = "images"


_UNKNOWN = Origin(source="", file="", row=0)


class RowError(ValueError):
    """A row that cannot become a prompt.

    A loader worker hands its parent the message alone: there the other parts are empty.
    """

    def __init__(
        self,
        message: str,
        *,
        origin: Origin = _UNKNOWN,
        column: str = "",
        reason: str = "",
        remedy: str = "",
    ) -> None:
        super().__init__(message)
        self.origin = origin
        self.column = column
        self.reason = reason
        self.remedy = remedy


def row_error(origin: Origin, column: str, reason: str, remedy: str) -> RowError:
    """The error for one cell of one row."""
    message = f"{origin.file}, row {origin.row}, column {column!r}: {reason}. {remedy}."
    return RowError(message, origin=origin, column=column, reason=reason, remedy=remedy)


def origin_of(prompt: Prompt) -> Origin:
    """The origin that the row reader attached; built-in data name their uid instead."""
    origin = prompt.metadata.get("origin")
    return origin if isinstance(origin, Origin) else Origin(source="", file=prompt.uid, row=0)
