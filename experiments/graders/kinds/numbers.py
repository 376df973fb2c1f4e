"""Pairs of plain numbers: integers, decimals, fractions, percent, degrees and their spellings."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from random import Random

from experiments.graders.kinds.draw import Draw, Kind, decimal_text, digit_off, other

SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
FULL_WIDTH = str.maketrans("0123456789.,()-", "０１２３４５６７８９．，（）－")


def integers(random: Random, right: bool) -> Draw:
    """``16`` against ``16``, ``16.0``; wrong: a digit, the sign, a factor of ten."""
    value = random.randrange(2, 10 ** random.randint(1, 5) + 1) * random.choice([1, 1, -1])
    near = [
        -value,
        value + 1,
        value - 1,
        value * 10,
        value + 10,
        int(digit_off(random, f"{value}")),
    ]
    shown = value if right else other(random, value, near)
    return Draw(gold=f"{value}", answer=random.choice([f"{shown}", f"{shown}", f"{shown}.0"]))


def decimals(random: Random, right: bool) -> Draw:
    """``3.14`` against ``3.140``; wrong: the point moved or dropped, a digit, the sign."""
    places = random.randint(1, 4)
    value = Decimal(random.randrange(1, 10 ** random.randint(2, 5)) * 10 + random.randint(1, 9))
    value = value.scaleb(-places) * random.choice([1, 1, 1, -1])
    text = f"{value:f}"
    if right:
        spellings = [text, text, f"{text}0", f"{text}00"]
        if abs(value) < 1:
            spellings.append(text.replace("0.", ".", 1))
        return Draw(gold=text, answer=random.choice(spellings))
    wrong = [
        digit_off(random, text),
        f"{value.scaleb(1):f}",
        f"{value.scaleb(-1):f}",
        text.replace(".", "").replace("-0", "-").lstrip("0"),
        text.removeprefix("-") if value < 0 else f"-{text}",
    ]
    if abs(value) >= 1:
        wrong.append(text.replace(".", " "))
    return Draw(gold=text, answer=random.choice(wrong))


def _grouped(random: Random, value: int) -> str:
    separator = random.choice([",", ",", "{,}", " ", "\\,", ",\\!", "\u202f"])
    return f"{value:,}".replace(",", separator)


def thousands(random: Random, right: bool) -> Draw:
    """``1,234``, ``12{,}000``, ``1 234 567`` and ``1234567`` are one number each."""
    value = random.randrange(1000, 10 ** random.randint(4, 8))
    text = f"{value}"
    near = [value + 1000, value // 1000, value * 1000, value * 10, int(digit_off(random, text))]
    shown = value if right else other(random, value, near)
    gold = random.choice([_grouped(random, value), _grouped(random, value), text])
    return Draw(gold=gold, answer=random.choice([_grouped(random, shown), f"{shown}"]))


def fraction_spellings(random: Random, value: Fraction) -> list[str]:
    """Ways to write a fraction that is no whole number, reduced or not, but not as a decimal."""
    times = random.choice([1, 1, 1, 2, 3, 5])
    above, below = abs(value.numerator) * times, value.denominator * times
    sign = "-" if value < 0 else ""
    texts = [
        f"{sign}{above}/{below}",
        f"{sign}{above} / {below}",
        f"{sign}\\frac{{{above}}}{{{below}}}",
        f"{sign}\\dfrac{{{above}}}{{{below}}}",
        f"{sign}\\tfrac{{{above}}}{{{below}}}",
        f"\\frac{{{sign}{above}}}{{{below}}}",
    ]
    return [*texts, f"{sign}\\frac{above}{below}"] if above < 10 and below < 10 else texts


def _fraction(random: Random) -> Fraction:
    while True:
        value = Fraction(random.randint(1, 60), random.randint(2, 40))
        if value.denominator > 1 and value.numerator != value.denominator:
            return value * random.choice([1, 1, 1, -1])


def _wrong_fraction(random: Random, value: Fraction) -> str:
    above, below = value.numerator, value.denominator
    near = [1 / value, Fraction(above + 1, below), Fraction(above, below + 1), -value, value + 1]
    near += [Fraction(above), Fraction(below), Fraction(int(f"{above}{below}")), value * 10]
    shown = other(random, value, near)
    if shown.denominator == 1:
        return f"{shown}"
    return random.choice(fraction_spellings(random, shown))


def fractions(random: Random, right: bool) -> Draw:
    """``a/b`` and its LaTeX, unreduced or in decimals; wrong: turned over, off by one, a sign."""
    value = _fraction(random)
    gold = random.choice(fraction_spellings(random, value))
    if not right:
        return Draw(gold=gold, answer=_wrong_fraction(random, value))
    spellings = [*fraction_spellings(random, value), decimal_text(value), decimal_text(value)]
    return Draw(gold=gold, answer=random.choice(spellings))


def decimal_numerators(random: Random, right: bool) -> Draw:
    """``9.4/2`` is 4.7, not nine and two fifths of something."""
    tenths, below = random.randint(11, 199), random.choice([2, 3, 4, 5, 6, 8, 10])
    value = Fraction(tenths, 10 * below)
    whole, rest = divmod(tenths, 10)
    wrong = [whole + Fraction(rest, below), value * 10, value + 1, value / 10, value * 2]
    shown = value if right else other(random, value, wrong)
    above = f"{whole}.{rest}"
    product = random.choice(
        [
            f"{above}/{below}",
            f"{above} / {below}",
            f"\\frac{{{above}}}{{{below}}}",
            f"{above}/{below}.0",
        ]
    )
    texts = [f"{shown}", decimal_text(shown) if below not in (3, 6) else f"{shown}"]
    return Draw(gold=random.choice(texts), answer=product)


def mixed_numbers(random: Random, right: bool) -> Draw:
    """``2 1/2`` is 5/2; wrong: 21/2, another whole or part, one times the other."""
    whole, below = random.randint(1, 20), random.randint(2, 12)
    part = Fraction(random.randint(1, below - 1), below)
    sign = random.choice([1, 1, 1, -1])
    value = sign * (whole + part)
    above, below = part.numerator, part.denominator
    minus = "-" if sign < 0 else ""
    mixed = random.choice(
        [
            f"{minus}{whole} {above}/{below}",
            f"{minus}{whole}\\frac{{{above}}}{{{below}}}",
            f"{minus}{whole} \\frac{{{above}}}{{{below}}}",
            f"{minus}{whole}\\dfrac{{{above}}}{{{below}}}",
        ]
    )
    near = [value + 1, -value, sign * whole * part, sign * Fraction(int(f"{whole}{above}"), below)]
    shown = value if right else other(random, value, [*near, sign * (whole + part / 2)])
    texts = [decimal_text(shown)]
    if shown.denominator > 1:
        texts += fraction_spellings(random, shown)
    text = random.choice(texts)
    if random.random() < 0.5:
        return Draw(gold=mixed, answer=text)
    return Draw(gold=random.choice(texts[1:] or texts), answer=mixed)


def _scientific(random: Random, digits: str, power: int) -> str:
    times = random.choice(["\\times ", " \\times ", "×", " × ", "\\cdot ", "*", " x "])
    bare = random.choice(
        [f"10^{{{power}}}", f"10^{power}", f"10{f'{power}'.translate(SUPERSCRIPTS)}"]
    )
    return random.choice([f"{digits}{times}{bare}", f"{digits}{times}{bare}", f"{digits}e{power}"])


def scientific(random: Random, right: bool) -> Draw:
    """``2.5e-3`` and ``2.5 \\times 10^{-3}`` are 0.0025; wrong: exponent, its sign, a digit."""
    power = random.choice([-6, -5, -4, -3, -2, 2, 3, 4, 5, 6, 7])
    tenths = random.randint(11, 99)
    digits = decimal_text(Fraction(tenths, 10))
    gold_power, gold_digits = power, digits
    if not right and random.random() < 0.7:
        power = random.choice([-power, power + 1, power - 1])
    elif not right:
        digits = decimal_text(Fraction(other(random, tenths, [tenths - 1, tenths + 1]), 10))
    gold = _scientific(random, gold_digits, gold_power)
    answer = _scientific(random, digits, power)
    if random.random() < 0.5:
        answer = decimal_text(Fraction(digits) * Fraction(10) ** power)
    elif random.random() < 0.5:
        gold = decimal_text(Fraction(gold_digits) * Fraction(10) ** gold_power)
    return Draw(gold=gold, answer=answer)


def signs(random: Random, right: bool) -> Draw:
    """Minus as a hyphen, a typographic minus or an en dash; a plus is nothing."""
    value = Fraction(random.randint(1, 99), random.choice([1, 1, 1, 2, 4, 10]))
    value *= random.choice([1, -1])
    shown = value if right else random.choice([-value, -value, -value * 10, value + 1])
    size = decimal_text(abs(shown))
    minus = [f"-{size}", f"−{size}", f"–{size}", f"- {size}", f"− {size}", f"(-{size})"]
    answer = random.choice(minus if shown < 0 else [size, size, f"+{size}", f"+ {size}"])
    gold = decimal_text(value)
    return Draw(gold=gold.replace("-", random.choice(["-", "−"])), answer=answer)


def percent(random: Random, right: bool) -> Draw:
    """``50%`` is 50 and 0.5, but no 50 where the gold is a fraction or below 1."""
    value = random.randint(2, 98)
    part = Fraction(value, 100)
    marked = [f"{value}%", f"{value} %", f"{value}\\%", f"{value} percent"]
    below_one = [decimal_text(part), f"{part.numerator}/{part.denominator}"]
    below_one.append(f"\\frac{{{part.numerator}}}{{{part.denominator}}}")
    gold_kind = random.choice(["percent", "percent", "number", "fraction"])
    if gold_kind == "percent":
        gold, answers = random.choice(marked), [*marked, *marked, f"{value}", *below_one]
        wrong = [f"{value + 1}%", f"{value - 1}", f"{value * 10}%", f"{value}00%", f"{value}00"]
        wrong += [f"{decimal_text(part)}%", decimal_text(part / 10), f"-{value}%"]
    elif gold_kind == "number":
        gold, answers = f"{value}", marked
        wrong = [f"{value + 1}%", f"{value * 10}%", f"-{value}%", f"{decimal_text(part)}%"]
    else:
        gold, answers = random.choice(below_one), [*marked, *below_one]
        wrong = [f"{value + 1}%", f"{value}", f"{decimal_text(part)}%", decimal_text(part / 10)]
    return Draw(gold=gold, answer=random.choice(answers if right else wrong))


def degree_spellings(value: str) -> list[str]:
    """Ways to write an angle."""
    return [
        f"{value}°",
        f"{value}°",
        f"{value}^\\circ",
        f"{value}^{{\\circ}}",
        f"{value}\\degree",
        f"{value} degrees",
        f"{value} °",
        f"{value}\\circ",
        f"{value}度",
    ]


def degrees(random: Random, right: bool) -> Draw:
    """An angle with its degree sign on one side or both; wrong: another angle."""
    value = Fraction(random.randint(2, 719), 2)
    near = [value + 1, value * 10, 180 - value, 90 - value, 360 - value, value / 10, -value]
    shown = value if right else other(random, value, near)
    text = decimal_text(shown)
    gold = random.choice([*degree_spellings(decimal_text(value)), decimal_text(value)])
    answer = random.choice(
        [*degree_spellings(text), text, text, f"{text}.0" if "." not in text else text]
    )
    return Draw(gold=gold, answer=answer)


def unevaluated(random: Random, right: bool) -> Draw:
    """``3*3`` is right for 9; wrong where it comes to something else."""
    a, b = random.randint(2, 30), random.randint(2, 12)
    text, value = random.choice(
        [
            (f"{a}*{b}", a * b),
            (f"{a} \\times {b}", a * b),
            (f"{a} \\cdot {b}", a * b),
            (f"{a} × {b}", a * b),
            (f"{a} + {b}", a + b),
            (f"{a + b} - {b}", a),
            (f"{b}^2", b**2),
            (f"{b}^{{3}}", b**3),
            (f"\\sqrt{{{a * a}}}", a),
            (f"\\frac{{{a * b}}}{{{b}}}", a),
            (f"{a}({b} + 1)", a * (b + 1)),
        ]
    )
    near = [value + 1, value - 1, value * 10, a, b, -value]
    return Draw(gold=f"{value if right else other(random, value, near)}", answer=text)


def full_width(random: Random, right: bool) -> Draw:
    """Full-width digits, points, brackets and minus signs mean what the narrow ones mean."""
    a, b = random.randint(2, 999), random.randint(2, 99)
    value = random.choice([f"{a}", f"{a}.{b}", f"-{a}", f"({a}, {b})"])
    wrong = [digit_off(random, value)]
    wrong += [value.replace(".", "")] if "." in value else []
    wrong += [f"-{value}"] if value.isdigit() else []
    answer = (value if right else random.choice(wrong)).translate(FULL_WIDTH)
    return Draw(gold=value, answer=answer)


KINDS: dict[str, Kind] = {
    "integers": integers,
    "decimals": decimals,
    "thousands": thousands,
    "fractions": fractions,
    "decimal numerators": decimal_numerators,
    "mixed numbers": mixed_numbers,
    "scientific": scientific,
    "signs": signs,
    "percent": percent,
    "degrees": degrees,
    "unevaluated": unevaluated,
    "full width": full_width,
}
