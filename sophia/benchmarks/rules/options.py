"""The choices of a row whose file holds them as one list: MathVista and MathVision."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from string import ascii_uppercase

from sophia.benchmarks.item import Item


def options_of(item: Item) -> Mapping[str, str]:
    """Its options; where it has none, those of the list in its column ``choices``, by letters.

    Raises ValueError where that column holds something, and no list.
    """
    written = item.extra.get("choices", "").strip()
    if item.options or not written or written.lower() in ("none", "nan"):
        return item.options
    try:
        found = ast.literal_eval(written)
    except (ValueError, SyntaxError) as error:
        raise ValueError(_problem(item, written)) from error
    if found is None:
        return {}
    if not isinstance(found, list | tuple) or len(found) > len(ascii_uppercase):
        raise ValueError(_problem(item, written))
    return dict(zip(ascii_uppercase, map(str, found), strict=False))


def _problem(item: Item, written: str) -> str:
    return (
        f"row {item.index}: column choices is {written[:80]!r}; expected is a Python list of at"
        " most 26 texts, or nothing. Is it the published file?"
    )
