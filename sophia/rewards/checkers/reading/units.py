"""Units of measurement: spellings of one unit, so that 10 cm is not 10 m."""

from __future__ import annotations

import re

_SPELLINGS = {
    "degree": "° deg degs degree degrees",
    "degree celsius": "°c celsius",
    "degree fahrenheit": "°f fahrenheit",
    "millimetre": "mm millimeter millimeters millimetre millimetres",
    "centimetre": "cm cms centimeter centimeters centimetre centimetres",
    "metre": "m meter meters metre metres",
    "kilometre": "km kms kilometer kilometers kilometre kilometres",
    "inch": "in inch inches",
    "foot": "ft foot feet",
    "yard": "yd yds yard yards",
    "mile": "mi mile miles",
    "milligram": "mg milligram milligrams",
    "gram": "g gram grams",
    "kilogram": "kg kgs kilogram kilograms",
    "pound": "lb lbs pound pounds £",
    "ounce": "oz ounce ounces",
    "ton": "ton tons tonne tonnes",
    "second": "s sec secs second seconds",
    "minute": "min mins minute minutes",
    "hour": "h hr hrs hour hours",
    "day": "day days",
    "week": "week weeks",
    "month": "month months",
    "year": "yr yrs year years",
    "millilitre": "ml mL milliliter milliliters millilitre millilitres",
    "litre": "l liter liters litre litres",
    "gallon": "gal gallon gallons",
    "dollar": "dollar dollars usd",
    "cent": "¢ cent cents",
    "euro": "€ euro euros eur",
    "yen": "¥ yen yuan",
    "kilometre per hour": "km/h kph kmh",
    "metre per second": "m/s",
    "mile per hour": "mph",
    "hertz": "hz",
    "newton": "n newton newtons",
    "joule": "j joule joules",
    "kilojoule": "kj kilojoule kilojoules",
    "watt": "w watt watts",
    "volt": "v volt volts",
    "ampere": "amp amps ampere amperes",
    "ohm": "ω ohm ohms",
    "kelvin": "k kelvin",
    "mole": "mol mole moles",
    "unit": "unit units",
}
_UNITS = {spelling: unit for unit, forms in _SPELLINGS.items() for spelling in forms.split()}
_ALTERNATIVES = "|".join(sorted(map(re.escape, _UNITS), key=len, reverse=True))
_UNIT = re.compile(
    rf"(?P<power>square|sq\.?|cubic|cu\.?)?(?P<gap>\s*)(?P<unit>{_ALTERNATIVES})"
    r"(?![^\W\d_])\.?(?:\s*\^?\s*\{?(?P<exponent>[23])\}?(?![0-9]))?",
    re.IGNORECASE,
)
_POWERS = {"square": 2, "sq": 2, "cubic": 3, "cu": 3}


def split_unit(text: str) -> tuple[str, str]:
    """The unit that the text behind a number starts with ("" if none), and the rest of the text.

    The unit has one name for all its spellings, with its power: "metre^2" for "square meters". A
    one-letter unit needs a blank before it: "10m" may be ten times m.
    """
    stripped = text.lstrip()
    match = _UNIT.match(stripped)
    if match is None:
        return "", text
    blank = len(stripped) < len(text) or bool(match["gap"])
    if len(match["unit"]) == 1 and match["unit"].isalpha() and not blank:
        return "", text
    power = match["exponent"] or _POWERS.get((match["power"] or "").rstrip(".").lower(), 1)
    name = _UNITS.get(match["unit"]) or _UNITS[match["unit"].lower()]
    return f"{name}^{power}", stripped[match.end() :]
