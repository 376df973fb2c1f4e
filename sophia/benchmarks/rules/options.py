"""The choices of a row whose file holds them as one list: MathVista and MathVision."""

from __future__ import annotations

from collections.abc import Mapping
from string import ascii_uppercase

from sophia.benchmarks.item import Item
from sophia.benchmarks.literal import literal


def options_of(item: Item) -> Mapping[str, str]:
    """Its options; where it has none, those of the list in its column ``choices``, by letters.

    Raises ValueError where that column holds something, and no list.
    """
    written = item.extra.get("choices", "").strip()
    if item.options or not written or written.lower() in ("none", "nan"):
        return item.options
    try:
        found = literal(written)
    except ValueError as error:
        raise ValueError(_problem(item, written)) from error
    if found is None:
        return {}
    if not isinstance(found, list | tuple) or len(found) > len(ascii_uppercase):
        raise ValueError(_problem(item, written))
    return dict(zip(ascii_uppercase, map(str, found), strict=False))


def gold_letter(item: Item, options: Mapping[str, str]) -> str:
    """The letter of the right one of its ``options_of``.

    A row with options of its own has it as its answer. A row with a list has it in the column
    ``answer_option``, which the authors' own file lacks; else it is that of the gold text, or the
    answer itself where no option is that text.
    """
    if item.options:
        return item.answer
    same = (letter for letter, text in options.items() if text == item.answer)
    return item.extra.get("answer_option") or next(same, item.answer)


def _problem(item: Item, written: str) -> str:
    return (
        f"row {item.index}: column choices is {written[:80]!r}; expected is a Python list of at"
        " most 26 texts, or nothing. Is it the published file?"
    )
