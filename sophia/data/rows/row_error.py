"""The error that says which row is wrong and how to mend it, and where that row stands."""

from __future__ import annotations

from dataclasses import dataclass

from sophia.types import Prompt


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a row stands: the source's name, the file, the row in it.

    It travels with the prompt as ``Prompt.metadata['origin']``.
    """

    source: str
    file: str
    row: int
    """0-based within the file, as dataset viewers count."""


_UNKNOWN = Origin(source="", file="", row=0)


class RowError(ValueError):
    """A row that cannot become a prompt, with the column at fault, the reason and the remedy.

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
    """The error about one cell of one row; ``reason`` and ``remedy`` end without a full stop."""
    message = f"{origin.file}, row {origin.row}, column {column!r}: {reason}. {remedy}."
    return RowError(message, origin=origin, column=column, reason=reason, remedy=remedy)


def origin_of(prompt: Prompt) -> Origin:
    """Where the row of a prompt stands; prompts of built-in data name their uid as the file."""
    origin = prompt.metadata.get("origin")
    return origin if isinstance(origin, Origin) else Origin(source="", file=prompt.uid, row=0)
