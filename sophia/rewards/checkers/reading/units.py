"""Units of measurement and magnitudes: one name for all spellings, so that 10 cm is not 10 m."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from fractions import Fraction

_PREFIXES = {
    "k": "kilo", "M": "mega", "G": "giga", "T": "tera", "h": "hecto", "d": "deci", "c": "centi",
    "m": "milli", "µ": "micro", "μ": "micro", "n": "nano", "p": "pico",
}  # fmt: skip
_PREFIXED = {
    "m": "meter metre", "g": "gram gramme", "L": "liter litre", "l": "liter", "s": "second",
    "N": "newton", "J": "joule", "W": "watt", "V": "volt", "A": "ampere amp", "Pa": "pascal",
    "Hz": "hertz", "Ω": "ohm", "F": "farad", "C": "coulomb", "T": "tesla", "mol": "mole",
    "eV": "electronvolt", "cal": "calorie", "Wh": "watt-hour", "B": "byte", "bit": "bit",
}  # fmt: skip
_PLAIN = {
    "degree": "° º deg degs degree degrees 度",
    "celsius": "°C ℃ celsius degC degreecelsius degreescelsius °celsius",
    "fahrenheit": "°F ℉ fahrenheit degreefahrenheit degreesfahrenheit °fahrenheit",
    "kelvin": "K kelvin kelvins",
    "radian": "rad rads radian radians 弧度",
    "second": "sec secs 秒",
    "minute": "min mins minute minutes 分钟",
    "hour": "h hr hrs hour hours 小时",
    "day": "day days 天",
    "week": "week weeks wk wks",
    "month": "month months",
    "year": "yr yrs year years yearold yearsold",
    "inch": 'in inch inches "',
    "foot": "ft foot feet",
    "yard": "yd yds yard yards",
    "mile": "mi mile miles",
    "nauticalmile": "海里 nauticalmile nauticalmiles",
    "meter": "米",
    "centimeter": "cms 厘米",
    "decimeter": "分米",
    "millimeter": "毫米",
    "kilometer": "kms 千米 公里",
    "kilogram": "kgs 千克 公斤",
    "gram": "克",
    "liter": "升",
    "milliliter": "毫升",
    "milligram": "mgs",
    "pound": "lb lbs pound pounds",
    "ounce": "oz ounce ounces",
    "ton": "ton tons tonne tonnes 吨",
    "gallon": "gal gallon gallons",
    "hectare": "ha hectare hectares",
    "acre": "acre acres",
    "dollar": "$ dollar dollars usd USD",
    "euro": "€ euro euros eur EUR",
    "sterling": "£ gbp GBP",
    "yen": "¥ yen jpy JPY",
    "yuan": "yuan rmb RMB cny CNY 元",
    "rupee": "₹ rupee rupees inr INR",
    "won": "₩ won krw KRW",
    "cent": "¢ cent cents",
    "hour^-1*kilometer": "kph kmh",
    "hour^-1*mile": "mph",
    "decibel": "dB",
    "atmosphere": "atm",
    "bar": "bar bars",
    "meter*newton": "Nm",
    "lightyear": "ly",
    "": "unit units",
}
_GLUED_LETTERS = frozenset("mghsLNJVW")
"""Units of one letter that may stand right behind a number; other letters are variables there."""


def _spellings() -> dict[str, str]:
    units = {form: unit for unit, forms in _PLAIN.items() for form in forms.split()}
    for symbol, words in _PREFIXED.items():
        unit = words.split()[0]
        for prefix, long_prefix in itertools.chain([("", "")], _PREFIXES.items()):
            units.setdefault(prefix + symbol, long_prefix + unit)
            for word in words.split():
                units[f"{long_prefix}{word}"] = units[f"{long_prefix}{word}s"] = long_prefix + unit
    return units


def _folded(spellings: dict[str, str]) -> dict[str, str]:
    """By lower-case spelling, where that leaves no doubt: CM is cm, but Mw may be MW or mW."""
    meanings: dict[str, set[str]] = {}
    for form, unit in spellings.items():
        meanings.setdefault(form.casefold(), set()).add(unit)
    return {form: units.pop() for form, units in meanings.items() if len(units) == 1}


_SPELLINGS = _spellings()
_FOLDED = _folded(_SPELLINGS)
_POWERS = {"square": 2, "sq": 2, "squared": 2, "平方": 2} | {
    "cubic": 3, "cu": 3, "cubed": 3, "立方": 3
}  # fmt: skip
_UNIT = re.compile(
    r"(?:(?P<power>(?:square|cubic|cu)\b\.?|sq\.?)\s*|(?P<cjk>平方|立方))?"
    r"(?P<name>°\s?[CF](?![A-Za-z])|(?:°|degrees?)\s*(?:celsius|fahrenheit)|years?\s+old\b|[$€£¥₹₩¢℃℉°\"]|nautical\s+miles?|[A-Za-zµμΩ]+(?:-hours?)?|[\u4e00-\u9fff]{1,2})\.?"
    r"(?:\s*\^\s*\{?\s*(?P<exponent>-?[1-4])\s*\}?\^?|(?P<digit>[23])(?![0-9.])"
    r"|\s+(?P<after>squared|cubed)\b)?",
    re.IGNORECASE,
)
_PER = re.compile(r"\s*(?:/|\bper\b|每)\s*", re.IGNORECASE)
_TIMES = re.compile(r"\s*[*⋅·]\s*|\s+(?=[A-Za-zµΩ]+\s*\^\s*\{?\s*-)")  # m s^{-2}
_CURRENCY = re.compile(r"(?:\bUS)?([$€£¥₹₩]|\b(?:USD|EUR|GBP|JPY|RMB|CNY|INR|KRW))\s*$")
_MAGNITUDE = re.compile(
    r"\s*(?:(?P<word>hundred|thousand|million|billion|trillion|mn|bn|tn|lakh|crore)\b"
    r"|(?P<letter>[kKMB])(?![A-Za-zΩ/^])|(?P<cjk>[百千万亿])(?![米克瓦]))",
    re.IGNORECASE,
)
_MAGNITUDES = {
    "hundred": 2, "thousand": 3, "million": 6, "mn": 6, "billion": 9, "bn": 9, "trillion": 12,
    "tn": 12, "lakh": 5, "crore": 7, "k": 3, "m": 6, "b": 9, "百": 2, "千": 3, "万": 4, "亿": 8,
}  # fmt: skip


def split_unit(text: str) -> tuple[str, str] | None:
    """The unit that the text behind a number starts with, and the rest; None when there is none.

    The unit has one name for all its spellings, with its power: ``meter^2*second^-1``; "" is a unit
    without a name ("units"). Right behind the number only some single letters are units: 10m is ten
    metres and 10x is ten times x.
    """
    stripped = text.lstrip()
    first = _one_unit(stripped, glued=len(stripped) == len(text))
    if first is None:
        return None
    unit, rest = first
    while sign := _PER.match(rest) or _TIMES.match(rest):
        factor = _one_unit(rest[sign.end() :], glued=False)
        if factor is None:
            break
        unit = _product(unit, factor[0], sign=-1 if _PER.match(rest) else 1)
        rest = factor[1]
    return unit, rest


def split_magnitude(text: str) -> tuple[Fraction, str]:
    """What "million", "bn", "k", ... multiply the number before them by, and the rest; else 1."""
    match = _MAGNITUDE.match(text)
    if match is None or (
        match["letter"] and match[0] != match["letter"] and match["letter"] != "k"
    ):
        return Fraction(1), text  # 300 K is a temperature, 300K a salary
    word = match["word"] or match["letter"] or match["cjk"]
    if word == "m" and match["letter"]:
        return Fraction(1), text
    return Fraction(10) ** _MAGNITUDES[word.lower()], text[match.end() :]


def split_currency(text: str) -> tuple[str, str]:
    """The currency that stands at the end of a text, in front of a number, and what is before it.

    "" where there is none.
    """
    match = _CURRENCY.search(text)
    return (_SPELLINGS[match[1]], text[: match.start()]) if match else ("", text)


def _one_unit(text: str, *, glued: bool) -> tuple[str, str] | None:
    match = _UNIT.match(text)
    if match is None:
        return None
    name = "".join(match["name"].split())
    unit = _SPELLINGS.get(name, _FOLDED.get(name.casefold()))
    rest = text[match.end() :]
    is_letter = len(name) == 1 and name.isascii() and name.isalpha()
    if unit is None or (glued and is_letter and name not in _GLUED_LETTERS):
        return None
    if name == "in" and re.match(r"\s*[a-z]", rest):
        return None  # "5 in total"
    word = (match["power"] or match["cjk"] or match["after"] or "").rstrip(".").lower()
    power = match["exponent"] or match["digit"] or _POWERS.get(word, 1)
    return _product("", unit, sign=int(power)), rest


def _product(first: str, second: str, *, sign: int) -> str:
    """The unit that two make: the first times the second to the power ``sign``."""
    powers: Counter[str] = Counter()
    for unit, factor in ((first, 1), (second, sign)):
        for part in filter(None, unit.split("*")):
            name, _, power = part.partition("^")
            powers[name] += factor * int(power or 1)
    return "*".join(n if p == 1 else f"{n}^{p}" for n, p in sorted(powers.items()) if p)
