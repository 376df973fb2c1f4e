"""Plain numbers, as data sets and models write them, without a computer-algebra system.

Decimals, thousands separators, fractions, mixed numbers, scientific notation, "5 million",
percent, currencies, units, ``x = 5``, and harmless words around one number.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from sophia.rewards.checkers.reading.plain_text import without_layout
from sophia.rewards.checkers.reading.units import split_unit
from sophia.rewards.checkers.reading.words import are_harmless

_MAX_CHARACTERS = 400
_WHOLE = r"(?:[1-9][0-9]{0,2}(?:,[0-9]{3})+|[1-9][0-9]{0,2}(?:[ ][0-9]{3})+|[0-9]+)(?![0-9])"
_DECIMAL = rf"(?:{_WHOLE}(?:\.[0-9]+|\.(?![0-9]))?|\.[0-9]+)"
_NUMBER = re.compile(
    rf"""(?<![\w.^_\\{{(\[/*])(?<![0-9],)                # neither in a word nor in an expression
    (?P<sign>[-+]\ ?)?
    (?:
      (?:(?P<whole>{_WHOLE})\ *)?                        # 3 1/2 and 3\frac{{1}}{{2}}
      (?: \\[dtc]?frac\s*(?:\{{\s*(?P<n1>-?{_DECIMAL})\s*\}}|(?P<n2>[0-9]))
                      \s*(?:\{{\s*(?P<d1>{_DECIMAL})\s*\}}|(?P<d2>[0-9]))
        | (?P<n3>{_DECIMAL})\s*/\s*(?P<d3>{_DECIMAL}) )
    | (?P<mantissa>{_DECIMAL})?                          # 2.5e-3, 2.5 \times 10^{{-3}}, 10^5
      (?: (?P<e>[eE][-+]?[0-9]{{1,3}}(?![\w.]))
        | (?:\s*(?:\\times|\\cdot|[*xX])\s*|(?<![\w.]))
          10\s*\^\s*\{{?\s*(?P<power>[-+]?[0-9]{{1,3}})\s*\}}? )
    | (?P<decimal>{_DECIMAL})
    )(?![0-9^_!(\[/*{{\\]|\s*[-+*/^=]|\.[0-9])
    """,
    re.VERBOSE,
)
_DECIMAL_COMMA = re.compile(
    r"(?<![0-9,.])(?:([0-9]+),([0-9]{1,2}|[0-9]{4,})|(0),([0-9]+))(?![0-9,.])"
)
_VARIABLE = re.compile(
    r"^\s*(?:(?P<name>(?:[a-zA-Z]|\\(?:alpha|beta|gamma|lambda|mu|omega|phi|rho|theta))"
    r"(?:_\{?\w+\}?)?(?:\([a-z]\))?)|(?:\\m?angle\s*)?[A-Z]{1,4}|[aA]rea|[vV]olume)?"
    r"\s*(?:=|\\approx)\s*(?=[^=]*$)"
)
_BASED = re.compile(r"([0-9A-Za-z]+)\s*_\s*\{?\s*(?:\\text\{)?([0-9]{1,2})\}?\}?")
_DELIMITERS = re.compile(r"\\?\$|\\[()\[\]]")
_PERCENT = re.compile(r"\s*\\?(?:%|per\s?cent(?:age)?\b|pct\b)", re.IGNORECASE)
_MAGNITUDE = re.compile(r"\s*(hundred|thousand|million|billion|trillion)\b", re.IGNORECASE)
_MAGNITUDES = {"hundred": 2, "thousand": 3, "million": 6, "billion": 9, "trillion": 12}
_CURRENCY_BEFORE = re.compile(r"(?:us|usd|eur)?\s*([€£¥₹])?\s*$", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A number, and what stood beside it: a percent sign, a unit, a variable ("x = 5")."""

    value: Fraction
    percent: bool
    unit: str
    """The unit with its power, one name for all spellings ("metre^1"); "" without one."""
    variable: str
    is_fraction: bool
    """Whether it was written as a fraction, which a decimal can only approximate."""
    is_whole: bool
    """Whether it was written without a fraction or a decimal point."""


def parse_number(text: str, *, decimal_comma: bool = False) -> Number | None:
    """The one number in a text; None when there is none, several, or more than plain words.

    With ``decimal_comma`` "2,74" is 2.74; without it commas may stand before three digits only.
    """
    if len(text) > _MAX_CHARACTERS or not any(character.isdigit() for character in text):
        return None
    plain = _DELIMITERS.sub(" ", without_layout(text)).rstrip("\\ ")
    variable = ""
    if named := _VARIABLE.match(plain):
        variable, plain = named["name"] or "", plain[named.end() :]
    if decimal_comma:
        plain = _DECIMAL_COMMA.sub(
            lambda comma: f"{comma[1] or comma[3]}.{comma[2] or comma[4]}", plain
        )
    matches = list(_NUMBER.finditer(plain))
    if len(matches) != 1:
        return None
    return _number(matches[0], variable=variable)


def parse_based(text: str) -> tuple[str, int] | None:
    """The digits and the base of a number such as 204_5; None for any other text."""
    match = _BASED.fullmatch(_DELIMITERS.sub(" ", without_layout(text)).strip())
    return None if match is None else (match[1].upper().lstrip("0"), int(match[2]))


def numbers_equal(prediction: Number, gold: Number, *, tolerance: float) -> bool:
    """Whether two numbers say the same, units and percent signs considered.

    Units and variables must agree where both are named. Where only one side has a percent sign,
    both readings of it count: 50% is 0.5, and 50% is 50 unless the other number is a fraction or
    below 1 in size and therefore a share itself. A decimal equals a fraction when they agree in six
    digits. With a ``tolerance``, |p - g| <= tolerance |g| (absolute when g is 0) is enough.
    """
    for name in ("unit", "variable"):
        ours, theirs = getattr(prediction, name), getattr(gold, name)
        if ours and theirs and ours != theirs:
            return False
    readings = _percent_readings(prediction, gold)
    if tolerance > 0:
        return any(_within(p, g, Fraction(tolerance)) for p, g in readings)
    if prediction.is_fraction != gold.is_fraction and not _decimal_of(prediction, gold).is_whole:
        return any(_within(p, g, _SIX_DIGITS) for p, g in readings)
    return any(p == g for p, g in readings)


_SIX_DIGITS = Fraction(5, 10**6)


def _decimal_of(first: Number, second: Number) -> Number:
    return second if first.is_fraction else first


def _percent_readings(prediction: Number, gold: Number) -> list[tuple[Fraction, Fraction]]:
    pair = (prediction.value, gold.value)
    if prediction.percent == gold.percent:
        return [pair]
    if gold.percent:
        return [pair, (prediction.value, gold.value / 100)]
    share = (prediction.value / 100, gold.value)
    return [share] if gold.is_fraction or abs(gold.value) < 1 else [pair, share]


def _within(prediction: Fraction, gold: Fraction, tolerance: Fraction) -> bool:
    return abs(prediction - gold) <= tolerance * (abs(gold) or 1)


def _number(match: re.Match[str], *, variable: str) -> Number | None:
    value = _value(match)
    before, after = match.string[: match.start()], match.string[match.end() :]
    currency = _CURRENCY_BEFORE.search(before)
    if value is None or currency is None:
        return None
    if magnitude := _MAGNITUDE.match(after):
        value *= 10 ** _MAGNITUDES[magnitude[1].lower()]
        after = after[magnitude.end() :]
    percent = _PERCENT.match(after)
    unit, after = split_unit(after[percent.end() :] if percent else after)
    if currency[1]:
        unit, before = split_unit(currency[1])[0], before[: currency.start()]
    if not are_harmless(before) or not are_harmless(after):
        return None
    has_fraction = any(match[name] for name in ("n1", "n2", "n3"))
    return Number(
        value=value,
        percent=percent is not None,
        unit=unit,
        variable=variable,
        is_fraction=has_fraction,
        is_whole=not has_fraction and "." not in match[0],
    )


def _value(match: re.Match[str]) -> Fraction | None:
    sign = -1 if (match["sign"] or "").startswith("-") else 1
    if decimal := match["decimal"]:
        return sign * _decimal(decimal)
    numerator = match["n1"] or match["n2"] or match["n3"]
    if numerator is None:
        exponent = int(match["power"] or match["e"][1:])
        return sign * _decimal(match["mantissa"] or "1") * Fraction(10) ** exponent
    whole = match["whole"]
    denominator = _decimal(match["d1"] or match["d2"] or match["d3"])
    if denominator == 0:
        return None
    part = _decimal(numerator) / denominator
    if whole is None:
        return sign * part
    return sign * (_decimal(whole) + part) if 0 <= part < 1 else None


def _decimal(text: str) -> Fraction:
    return Fraction(text.replace(",", "").replace(" ", "").rstrip("."))
