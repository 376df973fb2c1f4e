"""Pairs of a number among other things: a name, a sentence, a hedge, a chain of equations."""

from __future__ import annotations

from fractions import Fraction
from random import Random

from experiments.graders.kinds.draw import Draw, Kind, decimal_text, other

NAMES = [
    "x = {}",
    "x={}",
    "k = {}",
    "AB = {}",
    "AB={}",
    "x_1 = {}",
    "a_5 = {}",
    "f(2) = {}",
    "BC + CD = {}",
    "|AB| = {}",
    "\\overline{{AB}} = {}",
    "S_{{ABC}} = {}",
    "S_{{\\triangle ABC}} = {}",
    "P(A) = {}",
    "r = {}",
]
ANGLES = ["\\angle B = {}", "∠B = {}", "∠ABC={}", "\\angle ABC = {}", "m\\angle A = {}", "∠1 = {}"]
SENTENCES = [
    "The value of k is {}",
    "The value of $x$ is {}.",
    "So the final answer is {}.",
    "The answer is {}",
    "The final answer is {}.",
    "the answer is: {}",
    "Answer: {}",
    "Final answer: {}",
    "答案是{}",
    "答案为{}。",
    "所以答案是{}。",
    "Therefore, the length of AB is {}.",
    "Hence, the perimeter of the triangle is {}.",
    "It is {}.",
    "Thus, x equals {}.",
    "The area of the shaded region is {}.",
    "The correct answer is **{}**.",
    "The answer is ${}$.",
    "The answer is \\({}\\).",
    "We get {}.",
    "∴ x = {}",
    "= {}",
]
POINTS = [
    "The centre is {}",
    "The coordinates of P are {}.",
    "The vertex is at {}.",
    *SENTENCES[2:6],
]


def _value(random: Random) -> Fraction:
    return Fraction(random.randint(2, 400), random.choice([1, 1, 1, 2, 10])) * random.choice(
        [1, 1, 1, -1]
    )


def _wrong(random: Random, value: Fraction) -> Fraction:
    return Fraction(other(random, value, [value + 1, value * 10, -value, value / 10, value * 2]))


def named_values(random: Random, right: bool) -> Draw:
    """``x = 5`` for 5, as gold or answer; wrong: another value, also where a name has the gold."""
    value, unit = _value(random), random.choice(["", "", "", " cm", "cm"])
    shown = value if right else _wrong(random, value)
    name = random.choice(NAMES)
    if not right and random.random() < 0.2:
        value = Fraction({"x_1 = {}": 1, "a_5 = {}": 5, "f(2) = {}": 2}.get(name, value))
        shown = value + 7
    if random.random() < 0.3:
        name, unit = random.choice(ANGLES), random.choice(["°", "^\\circ"])
    gold, answer = decimal_text(value), name.format(decimal_text(shown) + unit)
    if random.random() < 0.25:
        return Draw(gold=name.format(gold + unit), answer=decimal_text(shown))
    return Draw(gold=f"{gold}{unit}" if random.random() < 0.5 else gold, answer=answer)


def sentences(random: Random, right: bool) -> Draw:
    """``The value of k is 16`` for 16; wrong: the same words with another value."""
    value = _value(random)
    shown = value if right else _wrong(random, value)
    gold, answer = decimal_text(value), decimal_text(shown)
    kind = random.choice(["number", "number", "angle", "point", "fraction"])
    if kind == "angle":
        gold, answer = f"{gold}°", answer + random.choice(["°", " degrees", "^{\\circ}"])
        words = random.choice(["Angle B is {}", "The measure of ∠ABC is {}.", *SENTENCES])
    elif kind == "point":
        y = random.randint(1, 9)
        gold, answer = f"({gold}, {y})", f"({answer}, {y})"
        words = random.choice(POINTS)
    else:
        words = random.choice(SENTENCES)
    if kind == "fraction":
        gold, answer = (
            f"\\frac{{{side.numerator}}}{{{side.denominator}}}" for side in (value / 7, shown / 7)
        )
    return Draw(gold=gold, answer=words.format(answer))


def hedges(random: Random, right: bool) -> Draw:
    """Only wrong: an answer that names two values, denies one or gives none."""
    assert not right
    value = random.randint(3, 300)
    near = other(random, value, [value + 1, value + 5, 180 - value, value * 2])
    pair = random.sample([value, near], 2)
    unit = random.choice(["", "", "°", " cm"])
    answers = [
        f"{pair[0]} or {pair[1]}",
        f"{pair[0]}{unit} or {pair[1]}{unit}",
        f"either {pair[0]} or {pair[1]}",
        f"Either {pair[0]}{unit} or {pair[1]}{unit}.",
        f"The answer is {pair[0]} or {pair[1]}.",
        f"not {value}",
        f"The answer is not {value}{unit}",
        f"{pair[0]} and {pair[1]}",
        f"{pair[0]}, {pair[1]}",
        f"maybe {pair[0]}, maybe {pair[1]}",
        f"between {value - 1} and {value + 1}",
        f"more than {value}",
        f"y + {value}",
        f"{value}x",
        "y + 3",
        "I don't know",
        "It cannot be determined.",
        "unknown",
    ]
    return Draw(gold=f"{value}{unit}", answer=random.choice(answers))


def chains(random: Random, right: bool) -> Draw:
    """``90 - 15 = 75``: the last side of a chain of equations counts."""
    a, b = random.randint(30, 180), random.randint(3, 29)
    chain, value, sides = random.choice(
        [
            ("{a} - {b} = {v}", a - b, [a, b]),
            ("{a} + {b} = {v}", a + b, [a, b]),
            ("x = {a} + {b} = {v}", a + b, [a, b]),
            ("∠B = {a}° - {b}° = {v}°", a - b, [a, b]),
            ("\\angle B = {a}^\\circ - {b}^\\circ = {v}^\\circ", a - b, [a, b]),
            ("AB = BC + CD = {a} + {b} = {v}", a + b, [a, b]),
            ("{a} \\times {b} = {v}", a * b, [a, b]),
            ("S = {a} * {b} = {v}", a * b, [a, b]),
            ("2 * {a} + {b} = {a2} + {b} = {v}", 2 * a + b, [a, b, 2 * a]),
            ("AC = AB * {a} = {b} * {a} = {v} cm", a * b, [a, b]),
            ("\\frac{{{product}}}{{{b}}} = {v}", a, [a * b, b]),
        ]
    )
    parts = {"a": a, "b": b, "a2": 2 * a, "product": a * b}
    unit = "°" if "°" in chain or "circ" in chain else random.choice(["", "", "", " cm"])
    if right:
        return Draw(gold=f"{value}{unit}", answer=chain.format(v=value, **parts))
    if random.random() < 0.4:
        gold = other(random, value, sides)
        return Draw(gold=f"{gold}{unit}", answer=chain.format(v=value, **parts))
    last = other(random, value, [value + 1, value - 5, value * 10])
    return Draw(gold=f"{value}{unit}", answer=chain.format(v=last, **parts))


def letters_in_chains(random: Random, right: bool) -> Draw:
    """``AB = 1.8 * BC / 1.5 = 10.8``: products of letters before the value."""
    tenths, below = random.randint(11, 99), random.randint(2, 9)
    value = Fraction(tenths * below, 10)
    shown = value if right else _wrong(random, value)
    factor, text = decimal_text(Fraction(tenths, 10)), decimal_text(shown)
    answers = [
        f"AB = {factor} * BC = {text}",
        f"AB = {factor} * {below} = {text}",
        f"AB = {factor} \\times BC = {factor} \\times {below} = {text}",
        f"S = \\frac{{1}}{{2}} ab = {text}",
        f"AB = {factor} * BC / 1.5 = {text}",
        f"x = AB + BC = {text}",
    ]
    return Draw(gold=decimal_text(value), answer=random.choice(answers))


KINDS: dict[str, Kind] = {
    "named values": named_values,
    "sentences": sentences,
    "hedges": hedges,
    "chains": chains,
    "letters in chains": letters_in_chains,
}
