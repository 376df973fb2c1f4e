"""Lists that the cells of a file spell as Python does."""

from __future__ import annotations

import ast
from typing import Any


def literal(text: str) -> Any:
    """The value that a text spells as a Python literal. Raises ValueError where it spells none."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise ValueError(f"{text[:80]!r} is no Python literal") from error
