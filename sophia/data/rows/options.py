"""The options of a multiple-choice row: ["A. red", "B. blue"], ["red", "blue"] or {"A": "red"}."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from string import ascii_uppercase
from typing import Any

from sophia.data.rows.row_error import Origin, row_error

_LETTERED = re.compile(r"\(?([A-Z])(?:[.:]\s+|\)\.?\s*)(.+)", re.DOTALL)
_ANSWER_LETTERS = re.compile(r"\(?([A-Z])\)?\.?(?:\s*,\s*\(?([A-Z])\)?\.?)*")


def parse_options(value: Any, *, origin: Origin, column: str) -> dict[str, str]:
    """The text of each option by its letter; where letters are missing they are A, B, C, ...

    Raises:
        RowError: the cell is neither a list of texts nor a mapping, an option is empty, letters
            repeat, or there are more options than letters.
    """
    if value is None or value in ({}, [], ""):
        return {}
    if isinstance(value, Mapping):
        # Arrow gives every row of a struct column all keys, None where a row has no such option.
        value = [f"{letter}. {text}" for letter, text in value.items() if text is not None]
    if not isinstance(value, Sequence) or isinstance(value, str):
        reason = f"options are a {type(value).__name__} {str(value)[:40]!r}"
        raise row_error(origin, column, reason, "Expected a list of texts, or letter -> text")
    return _letter(_texts(value, origin, column), origin, column)


def _texts(value: Sequence[Any], origin: Origin, column: str) -> list[str]:
    for option in value:
        if not isinstance(option, str | int | float) or str(option).strip() == "":
            reason = f"an option is {option!r}"
            raise row_error(origin, column, reason, "Every option must be a text or a number")
    return [str(option).strip() for option in value]


def _letter(texts: list[str], origin: Origin, column: str) -> dict[str, str]:
    found = [_LETTERED.fullmatch(text) for text in texts]
    pairs = [(match[1], match[2]) for match in found if match]
    if len(pairs) < len(texts):
        if len(texts) > len(ascii_uppercase):
            reason = f"{len(texts)} options without letters"
            raise row_error(origin, column, reason, f"At most {len(ascii_uppercase)} get a letter")
        return dict(zip(ascii_uppercase, texts, strict=False))
    letters = [letter for letter, _ in pairs]
    if len(set(letters)) < len(letters):
        reason = f"the option letters {letters} repeat"
        raise row_error(origin, column, reason, "Give every option a letter of its own")
    return dict(pairs)


def check_choice(answer: str, options: Mapping[str, str], *, origin: Origin, column: str) -> None:
    """Raise RowError for a gold letter that no option has; answers in words are not looked at."""
    if not options or not _ANSWER_LETTERS.fullmatch(answer.strip()):
        return
    unknown = sorted(set(re.findall("[A-Z]", answer)) - options.keys())
    if unknown:
        raise row_error(
            origin,
            column,
            f"the answer {answer!r} is not among the options {sorted(options)}",
            "Correct the answer or add the option",
        )
