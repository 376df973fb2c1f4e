"""One reading of an answer in numbers: each value with its name, unit and percent sign.

A text is read whole or not at all: a word or sign that could change what is said, numbers outside
of the answer, and equations that contradict themselves leave it unread.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

from sophia.rewards.checkers.reading.closed_form import (
    THOUSANDS,
    Value,
    in_digits,
    is_equal,
    parse_value,
)
from sophia.rewards.checkers.reading.plain_text import depth, without_layout
from sophia.rewards.checkers.reading.quantity import Group, Quantity, Reading, percent_readings
from sophia.rewards.checkers.reading.units import split_currency, split_magnitude, split_unit
from sophia.rewards.checkers.reading.words import are_harmless, nouns, subject

_MAX_CHARACTERS = 400
_MAX_ITEMS = 50
_MAX_DEPTH = 12
_BARE = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_MATHS = re.compile(r"\$\$([^$]+)\$\$|(?<!\\)\$((?:\\\$|[^$])+)\$|\\[()\[\]]")
_NUMERIC = re.compile(r"[0-9]|\\pi|\\sqrt|(?<![a-z])pi(?![a-z])")
_DECIMAL_COMMA = re.compile(
    r"(?<![0-9.,(\[{])(?<![(\[{]-)(?:([0-9]+),([0-9]{1,2}|[0-9]{4,})|(0),([0-9]+))(?![0-9.,)\]}])"
)
_SEPARATOR_IN_BRACKETS = re.compile(
    r"(?P<open>[(\[{]|\\langle)|(?P<close>[)\]}]|\\rangle)"
    r"|(?P<mark>,|;|、|(?<![A-Za-z\\])(?:and|or)(?![A-Za-z])|\\?&|(?<=[0-9°\s])[和或及](?=[0-9\s-]))"
)
_SEPARATOR = re.compile(rf"(?<![0-9.,]){THOUSANDS}|{_SEPARATOR_IN_BRACKETS.pattern}")
_SET_MEMBER = re.compile(r"(?<=[A-Za-z])\s*\\in(?=\s*(?:[(\[{]|\\\{))")
_POINT = re.compile(r"(?<![A-Za-z\\])([A-Z]'?)\s*(?=\([^()]*,)")
_REPEATING = re.compile(
    r"(?<![0-9.,)}])(?<![0-9.,)}] )([0-9]*)\.([0-9]*)\\overline\s*\{\s*([0-9]+)\s*\}"
)
_FEET = re.compile(r"(?<![0-9°])([0-9]+)\s*['′]\s*([0-9]+)\s*(?:[\"″]|'')")
_COMPOUND = re.compile(
    r"(?<=[0-9])\s*(hours?|hrs?|h|min(?:ute)?s?|feet|foot|ft|pounds?|lbs?|years?|days?|weeks?|months?)"
    r"\s*(?=[0-9]+\s*[A-Za-z])"
)
_EQUALS = re.compile(r"(?<![<>!=\\])=(?!=)")
_START = re.compile(
    r"(?<![A-Za-z0-9.^_}\\*/])(?<![0-9],)"
    r"(?:(?:[-+]\s*)?(?:[0-9]|\.[0-9]|\\(?:[dtc]?frac|sqrt|pi)(?![a-z])|pi(?![A-Za-z])|\()"
    r"|\[|\\?\{|\\langle)"
)
_OPENING = re.compile(r"\(|\[|\\?\{|\\langle")
_BRACKET = re.compile(r"(?P<open>[(\[]|\\?\{|\\langle)|[)\]]|\\?\}|\\rangle")
_BRACKETS = {"{": "", "}": "", "\\{": "", "\\}": "", "\\langle": "(", "\\rangle": ")"}
_PERCENT = re.compile(r"\s*\\?(?:%|per\s?cent(?:age)?\b|pct\b)", re.IGNORECASE)
_MINUTES = re.compile(r"°\s*([0-9]{1,2})\s*['′]")
_OPERAND = (
    r"(?:[0-9.]+°?|(?:[0-9.]+|\\[a-z]+\{[^{}]*\}(?:\{[^{}]*\})?\s*)?[A-Za-z]{1,4}|\([^()=]*\)"
    r"|\\[a-z]+\{[^{}]*\}(?:\{[^{}]*\})?|(?:\\(?:m?angle|triangle)\s*|[∠△])[A-Z]{1,3})"
)
_FORMULA = re.compile(rf"{_OPERAND}(?:\s*(?:[-+*/^]|\\times|\\cdot|\\div)\s*{_OPERAND})*")
_ABOUT_EQUAL = 0.01


def read(text: str, *, decimal_comma: bool = False) -> Reading | None:
    """What a text says in numbers; None when that is nothing, or not all that it says.

    With ``decimal_comma``, "2,74" is 2.74.
    """
    if len(text) > _MAX_CHARACTERS or depth(text) > _MAX_DEPTH:
        return None
    if _BARE.fullmatch(text):  # most answers of most data sets, and nothing to look around for
        return Quantity(value=in_digits(text))
    plain = _MATHS.sub(lambda match: f" {match[1] or match[2] or ''} ", without_layout(text))
    plain = plain.replace("\\$", "$").replace("\n", " ; ").replace("\\Omega", "Ω")
    plain = _spelled_out(plain.strip().rstrip("\\ "))
    if not _NUMERIC.search(plain) or ".." in plain or "…" in plain or "\\ldots" in plain:
        return None
    if decimal_comma:
        plain, found = _DECIMAL_COMMA.subn(lambda m: f"{m[1] or m[3]}.{m[2] or m[4]}", plain)
        if found != 1:
            return None
    items = _read_pieces(plain)
    if not items or len(items) > _MAX_ITEMS:
        return None
    return items[0] if len(items) == 1 else Group(items=tuple(items), brackets="")


def _spelled_out(text: str) -> str:
    """The text with repeating decimals as fractions, 5'6" as 5 feet and 6 inches, P(1, 2) as P ="""
    text = _REPEATING.sub(_repeating, _POINT.sub(r"\1 = ", _SET_MEMBER.sub(" = ", text)))
    return _COMPOUND.sub(r" \1 and ", _FEET.sub(r"\1 feet and \2 inches", text))


def _repeating(match: re.Match[str]) -> str:
    whole, fixed, period = match.groups()
    above = int(f"{whole}{fixed}{period}") - int(f"0{whole}{fixed}")
    return f"({above}/{'9' * len(period)}{'0' * len(fixed)})"


def _pieces(text: str, *, in_brackets: bool = False) -> Iterator[tuple[str, str]]:
    """The parts of a text between commas, semicolons, "and" and "or", with the mark before each."""
    depth, start, mark_before = 0, 0, ""
    for match in (_SEPARATOR_IN_BRACKETS if in_brackets else _SEPARATOR).finditer(text):
        if match["open"]:
            depth += 1
        elif match["close"]:
            depth -= 1
        elif match["mark"] and depth == 0:
            yield mark_before, text[start : match.start()]
            start, mark_before = match.end(), match["mark"]
    yield mark_before, text[start:]


def _read_pieces(text: str, *, in_brackets: bool = False) -> list[Reading] | None:
    """The readings of all parts of a text; parts of harmless words say nothing."""
    readings: list[Reading] = []
    previous: list[Reading] | None = None
    for mark, piece in _pieces(text, in_brackets=in_brackets):
        found = _read_piece(piece, in_brackets=in_brackets)
        if found is None or (mark == "and" and not found):
            return None
        if mark == "or" and not (found and previous):
            return None  # "5 or so"
        readings.extend(found)
        previous = found
    return readings


def _read_piece(text: str, *, in_brackets: bool) -> list[Reading] | None:
    """What one part of a list says: nothing, one reading, or the two of a plus-minus sign."""
    if not _NUMERIC.search(text):
        return [] if are_harmless(text) else None
    if text.count("\\pm") == 1:
        both = [_read_piece(text.replace("\\pm", sign), in_brackets=in_brackets) for sign in "+-"]
        return None if None in both else [reading for found in both for reading in found or ()]
    exact, about, _ = text.partition("\\approx")
    text = exact if about and _NUMERIC.search(exact) else text.replace("\\approx", "=")
    *sides, last = _EQUALS.split(text)
    reading = _read_value(last, in_brackets=in_brackets)
    if reading is None:
        return None
    name = subject(f"{sides[0]} =") if sides else ""
    if not all(
        _leads_to(reading, side, has_name=name is not None)
        for side in (sides if name is None else sides[1:])
    ):
        return None
    return [_named(reading, name) if name else reading]


def _leads_to(last: Reading, side: str, *, has_name: bool) -> bool:
    """Whether the last side of an equation may follow from an earlier one.

    A number stated on the way must be about the last one, and so must what is worked out of numbers
    where no name stands in front ("7 + 1 = 42"). Formulas in letters are not looked into.
    """
    stated = _read_value(side)
    if stated is None:
        return has_name and _FORMULA.fullmatch(side.strip()) is not None
    if not (isinstance(stated, Quantity) and isinstance(last, Quantity)):
        return False
    if has_name and not stated.value.is_literal:
        return True
    pairs = percent_readings(stated, last)
    return any(is_equal(*pair, tolerance=_ABOUT_EQUAL) for pair in pairs)


def _named(reading: Reading, name: str) -> Reading:
    if isinstance(reading, Quantity):
        return replace(reading, name=name)
    return replace(reading, items=tuple(_named(item, name) for item in reading.items))


def _read_value(text: str, *, in_brackets: bool = False) -> Reading | None:
    """The one value, or bracketed group of values, with words around it that change nothing."""
    for start in _START.finditer(text):
        unit, before = split_currency(text[: start.start()])
        is_negative = bool(unit) and before.endswith("-")  # -$5
        name = subject(before.removesuffix("-") if is_negative else before)
        if name is None:
            return None
        if brackets := _group_brackets(text, start.start()):
            # What does not read as a group is not looked into again: brackets nest.
            reading = _read_group(text, *brackets)
            return reading if are_harmless(text[brackets[1].end() :]) else None
        if parsed := parse_value(text, start.start(), in_brackets=in_brackets):
            value, end = parsed
            value = value.scaled(Fraction(-1)) if is_negative else value
            return _beside(value, text[end:], unit=unit, name=name)
    return None


def _group_brackets(text: str, start: int) -> tuple[re.Match[str], re.Match[str]] | None:
    """The bracket that opens here and its partner; None where they only hold one expression."""
    opening = _OPENING.match(text, start)
    closing = opening and _closing(text, opening.end())
    if opening is None or closing is None:
        return None
    inside = text[opening.end() : closing.start()]
    if opening[0] == "(" and len([*_pieces(inside, in_brackets=True)]) == 1:
        return None
    return opening, closing


def _closing(text: str, start: int) -> re.Match[str] | None:
    depth = 1
    for bracket in _BRACKET.finditer(text, start):
        depth += 1 if bracket["open"] else -1
        if depth == 0:
            return bracket
    return None


def _read_group(text: str, opening: re.Match[str], closing: re.Match[str]) -> Reading | None:
    """The coordinates or the set between two brackets; one number in square ones is itself."""
    items = _read_pieces(text[opening.end() : closing.start()], in_brackets=True)
    if not items:
        return None
    if len(items) == 1 and opening[0] in "([":
        return items[0]
    brackets = "".join(_BRACKETS.get(bracket, bracket) for bracket in (opening[0], closing[0]))
    return Group(items=tuple(items), brackets=brackets)


def _beside(value: Value, after: str, *, unit: str, name: str) -> Quantity | None:
    """The value with what follows it; None when that is more than a unit and harmless words."""
    if minutes := _MINUTES.match(after):
        value = replace(value, number=value.number + Fraction(int(minutes[1]), 60))
        after = "°" + after[minutes.end() :]
    percent = _PERCENT.match(after)
    factor, after = split_magnitude(after[percent.end() :] if percent else after)
    if found := split_unit(after):
        unit, after = found
    named = nouns(after)
    if named is None or (not found and after[:1].isascii() and after[:1].isalpha()):
        return None  # 5xyz is a product
    return Quantity(
        value=value if factor == 1 else value.scaled(factor),
        percent=percent is not None,
        unit=unit,
        nouns=frozenset() if found else named,
        name=name,
    )
