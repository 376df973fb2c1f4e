"""Pairs whose gold is a text: scores, dates, times, ratios, words; and what wraps a value."""

from __future__ import annotations

from fractions import Fraction
from random import Random

from experiments.graders.kinds.draw import Draw, Kind, digit_off, other

TEXTS = [
    ["Evelyn", "Marcus", "Olivia", "Tom", "Anna"],
    ["no solution", "one solution", "infinitely many solutions"],
    ["isosceles triangle", "right triangle", "equilateral triangle"],
    ["red", "blue", "green", "yellow"],
    ["Monday", "Tuesday", "Friday", "Sunday"],
    ["increasing", "decreasing", "constant"],
    ["parallel", "perpendicular", "skew"],
    ["Paris", "London", "New York"],
]


def _same_text(random: Random, right: bool, gold: str, wrong: list[str]) -> Draw:
    if not right:
        return Draw(gold=gold, answer=random.choice([text for text in wrong if text != gold]))
    mark = next(letter for letter in gold if not letter.isdigit())
    spellings = [gold, gold, f" {gold} ", gold.replace(mark, f" {mark} ")]
    return Draw(gold=gold, answer=random.choice(spellings))


def scores(random: Random, right: bool) -> Draw:
    """``14-11`` is a text: the difference 3 is not it."""
    a, b = random.sample(range(2, 60), 2)
    wrong = [f"{a - b}", f"{b}-{a}", f"{a}-{b + 1}", f"{a + 1}-{b}", f"{a}", f"{a + b}"]
    return _same_text(random, right, f"{a}-{b}", wrong)


def dates(random: Random, right: bool) -> Draw:
    """``2023-11-02`` is a text: what the differences come to is not it."""
    year, month, day = random.randint(1990, 2026), random.randint(1, 12), random.randint(13, 28)
    wrong = [
        f"{year - month - day}",
        f"{year}-{month:02d}-{day + 1:02d}",
        f"{year + 1}-{month:02d}-{day:02d}",
        f"{year}",
        f"{year}-{month % 12 + 1:02d}-{day:02d}",
    ]
    return _same_text(random, right, f"{year}-{month:02d}-{day:02d}", wrong)


def times_of_day(random: Random, right: bool) -> Draw:
    """``20:34``; wrong: another hour or minute, only the hour, the two exchanged."""
    hour, minute = random.randint(1, 23), random.randint(10, 58)
    gold = f"{hour}:{minute}"
    wrong = [f"{hour}:{minute + 1}", f"{hour % 23 + 1}:{minute}", f"{hour}", f"{minute}:{hour:02d}"]
    if hour * minute % 2 == 0 and not (hour % 2 or minute % 2):
        wrong += [f"{hour // 2}:{minute // 2:02d}"]
    if not right:
        return Draw(gold=gold, answer=random.choice([text for text in wrong if text != gold]))
    words = ["{}", "{}", "{}.", "The time is {}.", "**{}**", "\\boxed{{{}}}"]
    return Draw(gold=gold, answer=random.choice(words).format(gold))


def ratios(random: Random, right: bool) -> Draw:
    """``3:4``; wrong: turned over, another part, the sum of both."""
    a, b = random.choice(
        [
            (a, b)
            for a in range(1, 20)
            for b in range(1, 20)
            if Fraction(a, b).denominator == b and a != b
        ]
    )
    gold = f"{a}:{b}"
    if right:
        words = ["{}:{}", "{} : {}", "The ratio is {}:{}.", "${}:{}$"]
        return Draw(gold=gold, answer=random.choice(words).format(a, b))
    return Draw(
        gold=gold, answer=random.choice([f"{b}:{a}", f"{a}:{b + 1}", f"{a + 1}:{b}", f"{a + b}"])
    )


def words(random: Random, right: bool) -> Draw:
    """A name or a phrase as the gold; wrong: another one, its denial, a number."""
    family = random.choice(TEXTS)
    gold = random.choice(family)
    if right:
        answers = [
            gold,
            gold.lower(),
            gold.capitalize() if gold.islower() else gold,
            f"{gold}.",
            f"**{gold}**",
            f"\\text{{{gold}}}",
            f"The answer is {gold}.",
            f"\\boxed{{\\text{{{gold}}}}}",
        ]
        return Draw(gold=gold, answer=random.choice(answers))
    wrong = other(random, gold, family)
    answers = [wrong, wrong, wrong, f"not {gold}", f"{gold} or {wrong}", f"{random.randint(2, 99)}"]
    return Draw(gold=gold, answer=random.choice(answers))


def wrappings(random: Random, right: bool) -> Draw:
    """Dollars, brackets, boxes, stars, blanks and a full stop around a value change nothing."""
    value = random.randint(2, 9999)
    shown = f"{value}" if right else digit_off(random, f"{value}")
    wraps = [
        "${}$",
        "$${}$$",
        "\\({}\\)",
        "\\[{}\\]",
        "**{}**",
        "{}.",
        " {}\n",
        "\\boxed{{{}}}",
        "$\\boxed{{{}}}$",
        "`{}`",
        "\\text{{{}}}",
        "\\mathbf{{{}}}",
        "\\displaystyle {}",
        "\\fbox{{{}}}",
        "{}\\,",
        "$ {} $.",
    ]
    return Draw(gold=f"{value}", answer=random.choice(wraps).format(shown))


KINDS: dict[str, Kind] = {
    "scores": scores,
    "dates": dates,
    "times of day": times_of_day,
    "ratios": ratios,
    "words": words,
    "wrappings": wrappings,
}
