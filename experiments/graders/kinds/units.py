"""Pairs with something behind or before the number: units, nouns, magnitudes, currencies."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from random import Random

from experiments.graders.kinds.draw import Draw, Kind, decimal_text, digit_off, other
from experiments.graders.kinds.expressions import pi_spellings, root_spellings

Spellings = tuple[str, ...]

QUANTITIES: tuple[Mapping[str, Spellings], ...] = (
    {
        "mm": ("mm", " mm", "\\text{ mm}", " \\mathrm{mm}", " millimeters"),
        "cm": (
            "cm",
            " cm",
            "\\text{ cm}",
            " \\mathrm{cm}",
            " centimeters",
            "厘米",
            "\\,\\text{cm}",
        ),
        "m": ("m", " m", "\\text{ m}", " \\mathrm{m}", " meters", " metres", "米", "\\text{m}"),
        "nautical mile": ("海里", " nautical miles"),
        "km": ("km", " km", "\\text{ km}", "\\,\\mathrm{km}", " kilometers", "千米"),
    },
    {
        "cm2": ("cm^2", " cm²", "cm^{2}", "\\text{ cm}^2", " cm^2", " square centimeters", "cm^2^"),
        "m2": ("m^2", " m²", " m^{2}", "\\text{ m}^2", " square meters", "平方米"),
        "km2": (" km^2", " km²", "\\text{ km}^{2}", " square kilometers"),
    },
    {
        "cm3": (" cm^3", " cm³", "\\text{ cm}^3", " cubic centimeters"),
        "m3": ("m^3", " m³", " m^{3}", " cubic meters"),
    },
    {
        "s": ("s", " s", "\\text{ s}", " seconds", "秒"),
        "min": (" min", "min", " minutes", "\\text{ minutes}", "分钟"),
        "h": (" h", "h", " hours", "\\text{ hours}", "小时"),
    },
    {"g": ("g", " g", "\\text{ g}", " grams"), "kg": ("kg", " kg", "\\text{ kg}", " kilograms")},
    {"mL": (" mL", " ml", "\\text{ mL}"), "L": (" L", "\\text{ L}", " liters", " litres")},
    {
        "m/s": (" m/s", "m/s", "\\text{ m/s}", " meters per second", "米/秒"),
        "km/h": (" km/h", "km/h", "\\text{ km/h}", " kilometers per hour"),
    },
)
RARE: tuple[Mapping[str, Spellings], ...] = (
    {"Pa": (" Pa", "\\text{ Pa}", "Pa"), "kPa": (" kPa", "\\text{ kPa}", "kPa")},
    {"°": ("°", "^\\circ", " degrees"), "rad": (" rad", " radians", "\\text{ rad}")},
    {"N": (" N", "\\text{ N}"), "kN": (" kN", "\\text{ kN}")},
    {"J": (" J", "\\text{ J}"), "kJ": (" kJ", "\\text{ kJ}"), "eV": (" eV", "\\text{ eV}")},
    {"W": (" W", "\\text{ W}"), "kW": (" kW", "\\text{ kW}"), "MW": (" MW", "\\text{ MW}")},
    {"V": (" V", "\\text{ V}"), "mV": (" mV", "\\text{ mV}"), "kV": (" kV", "\\text{ kV}")},
    {"A": (" A", "\\text{ A}"), "mA": (" mA", "\\text{ mA}")},
    {"Hz": (" Hz", "\\text{ Hz}"), "kHz": (" kHz", "\\text{ kHz}"), "MHz": (" MHz",)},
    {"Ω": (" Ω", " \\Omega", " ohms"), "kΩ": (" kΩ", " k\\Omega")},
    {"mol": (" mol", "\\text{ mol}"), "mmol": (" mmol", "\\text{ mmol}")},
    {"°C": ("°C", " °C", "^\\circ\\text{C}"), "°F": ("°F", " °F", "^\\circ\\text{F}")},
    {"inches": (" inches", " in."), "feet": (" feet", " ft"), "yards": (" yards", " yd")},
)
NOUNS = ["apples", "pears", "children", "birds", "chairs", "students", "tickets", "marbles"]
MAGNITUDES = {
    10**3: (" thousand", "\\text{ thousand}"),
    10**6: (" million", "\\text{ million}"),
    10**9: (" billion", " bn"),
}
CURRENCIES = {
    "$": ("${}", "\\${}", "{} dollars"),
    "€": ("€{}", "{} €", "{} euros", "{}€"),
    "£": ("£{}", "£ {}"),
}


def _number(random: Random) -> Fraction:
    return Fraction(random.randint(2, 400), random.choice([1, 1, 1, 10]))


def _wrong_number(random: Random, value: Fraction) -> Fraction:
    near = [
        value * 10,
        value + 1,
        value / 10,
        value * 2,
        Fraction(digit_off(random, f"{value.numerator}")),
    ]
    return Fraction(other(random, value, near))


def _quantity(random: Random, *, rare: bool = False) -> tuple[str, Mapping[str, Spellings]]:
    quantity = random.choice(RARE if rare else QUANTITIES)
    return random.choice(list(quantity)), quantity


def unit_on_one_side(random: Random, right: bool) -> Draw:
    """``18m``, ``18 \\text{ m}`` against a bare 18, on either side; wrong: another number."""
    name, quantity = _quantity(random, rare=random.random() < 0.2)
    value = _number(random)
    shown = value if right else _wrong_number(random, value)
    unit = random.choice(quantity[name])
    gold, answer = decimal_text(value), decimal_text(shown)
    if random.random() < 0.6:
        return Draw(gold=f"{gold}{unit}", answer=answer)
    return Draw(gold=gold, answer=f"{answer}{unit}")


def _both_sides(random: Random, right: bool, *, rare: bool) -> Draw:
    name, quantity = _quantity(random, rare=rare)
    value = shown = _number(random)
    answer_name = name
    if not right and random.random() < 0.7:
        answer_name = other(random, name, list(quantity))
    elif not right:
        shown = _wrong_number(random, value)
    gold = f"{decimal_text(value)}{random.choice(quantity[name])}"
    return Draw(gold=gold, answer=f"{decimal_text(shown)}{random.choice(quantity[answer_name])}")


def unit_on_both_sides(random: Random, right: bool) -> Draw:
    """The same unit, spelled in any way; wrong: another unit of the same quantity, or number."""
    return _both_sides(random, right, rare=False)


def rarer_units(random: Random, right: bool) -> Draw:
    """``6 kPa`` and ``6 Pa``, ``6°`` and ``6 rad`` differ."""
    return _both_sides(random, right, rare=True)


STEPS = [
    ("km", "m", 1000),
    ("m", "cm", 100),
    ("cm", "mm", 10),
    ("kg", "g", 1000),
    ("L", "mL", 1000),
]


def conversions(random: Random, right: bool) -> Draw:
    """``3 km`` is not converted to ``3000 m``: only the unit that the gold has is right."""
    large, small, factor = random.choice(STEPS)
    value = random.randint(2, 60)
    sides = [f"{value} {large}", f"{value * factor} {small}"]
    random.shuffle(sides)
    return Draw(gold=sides[0], answer=sides[0].replace(" ", "") if right else sides[1])


def units_behind_roots_and_pi(random: Random, right: bool) -> Draw:
    """``6πcm`` against ``6π``, ``2√3 m`` against ``2√{3}``; the bare value decides."""
    factor, n = random.randint(4, 60), random.choice([2, 3, 5, 6, 7, 10, 11, 13, 17])
    spell = pi_spellings if random.random() < 0.5 else lambda text: root_spellings(text, n)
    name, quantity = random.choice(
        [("cm", QUANTITIES[0]), ("m", QUANTITIES[0]), ("cm2", QUANTITIES[1]), ("m2", QUANTITIES[1])]
    )
    shown = factor if right else other(random, factor, [factor + 1, factor * 10, factor // 2])
    gold, answer = (random.choice(spell(f"{k}")) for k in (factor, shown))
    bare = random.choice(["gold", "answer", "neither"])
    return Draw(
        gold=gold if bare == "gold" else _joined(gold, random.choice(quantity[name])),
        answer=answer if bare == "answer" else _joined(answer, random.choice(quantity[name])),
    )


def _joined(value: str, unit: str) -> str:
    """Value and unit, with a blank where pi in letters and a letter would make another command."""
    return f"{value} {unit}" if value.endswith("pi") and unit[0].isalpha() else value + unit


def nouns(random: Random, right: bool) -> Draw:
    """``5 apples`` is right for 5 and for ``5 apples``, wrong for ``5 pears`` and for 6."""
    value, noun = random.randint(2, 99), random.choice(NOUNS)
    counted = f"{value} {noun}"
    if right:
        gold, answer = random.choice(
            [(f"{value}", counted), (counted, f"{value}"), (counted, counted)]
        )
        return Draw(gold=gold, answer=answer)
    if random.random() < 0.5:
        return Draw(gold=counted, answer=f"{value} {other(random, noun, NOUNS)}")
    shown = other(random, value, [value + 1, value * 10, value - 1])
    gold, answer = random.choice([(f"{value}", f"{shown} {noun}"), (counted, f"{shown}")])
    return Draw(gold=gold, answer=answer)


def magnitudes(random: Random, right: bool) -> Draw:
    """``5 million`` is 5,000,000, neither 5 nor 5 billion."""
    size = random.choice(list(MAGNITUDES))
    tenths = random.choice([random.randint(2, 99) * 10, random.randint(11, 99)])
    digits, full = decimal_text(Fraction(tenths, 10)), tenths * size // 10
    worded = f"{digits}{random.choice(MAGNITUDES[size])}"
    if right:
        sides = [worded, random.choice([f"{full:,}", f"{full}", f"{digits}{MAGNITUDES[size][0]}"])]
    else:
        wrong_size = other(random, size, list(MAGNITUDES))
        wrong = [digits, digits, f"{digits}{random.choice(MAGNITUDES[wrong_size])}"]
        wrong += [
            f"{full * 10:,}",
            f"{decimal_text(Fraction(tenths, 10) + 1)}{MAGNITUDES[size][0]}",
        ]
        sides = [worded, random.choice(wrong)]
    random.shuffle(sides)
    return Draw(gold=sides[0], answer=sides[1])


def currencies(random: Random, right: bool) -> Draw:
    """``$6`` is right for 6 and ``6 dollars``; ``€6`` is not ``$6``."""
    value, currency = random.randint(2, 2000), random.choice(list(CURRENCIES))
    text = random.choice([f"{value:,}", f"{value}", f"{value}.50"])
    gold = random.choice(CURRENCIES[currency]).format(text)
    if right:
        answer = random.choice([*CURRENCIES[currency], "{}"]).format(text)
        return random.choice([Draw(gold=gold, answer=answer), Draw(gold=text, answer=gold)])
    if random.random() < 0.6:
        foreign = other(random, currency, list(CURRENCIES))
        return Draw(gold=gold, answer=random.choice(CURRENCIES[foreign]).format(text))
    wrong = digit_off(random, text)
    return Draw(gold=gold, answer=random.choice([*CURRENCIES[currency], "{}"]).format(wrong))


KINDS: dict[str, Kind] = {
    "unit on one side": unit_on_one_side,
    "unit on both sides": unit_on_both_sides,
    "rarer units": rarer_units,
    "conversions": conversions,
    "units behind roots and pi": units_behind_roots_and_pi,
    "nouns": nouns,
    "magnitudes": magnitudes,
    "currencies": currencies,
}
