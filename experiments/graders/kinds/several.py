"""Pairs of several values: tuples, lists, boxes, plus and minus, intervals."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from random import Random

from experiments.graders.kinds.draw import Draw, Kind, other

Numbers = tuple[Decimal, ...]


def _coordinate(random: Random) -> Decimal:
    tenths = random.choice(
        [random.randint(-9, 9) * 10, random.randint(-99, 99), random.randint(1, 9) * 10]
    )
    return Decimal(tenths) / 10


def _text(random: Random, number: Decimal) -> str:
    whole = number == number.to_integral_value()
    plain = f"{number:.0f}" if whole else f"{number}"
    if not whole and random.random() < 0.15:
        halves = int(number * 10)
        return f"{'-' if halves < 0 else ''}\\frac{{{abs(halves)}}}{{10}}"
    return f"{plain}0" if not whole and random.random() < 0.1 else plain


def _tuple(random: Random, numbers: Numbers) -> str:
    texts = [_text(random, number) for number in numbers]
    opening, closing = random.choice(
        [("(", ")"), ("(", ")"), ("\\left(", "\\right)"), ("( ", " )")]
    )
    if random.random() < 0.2:
        opening, closing = "\\langle ", " \\rangle"
    return f"{opening}{random.choice([', ', ', ', ',']).join(texts)}{closing}"


def _wrong_tuple(random: Random, numbers: Numbers) -> Numbers:
    place = random.randrange(len(numbers))

    def with_place(number: Decimal) -> Numbers:
        return (*numbers[:place], number, *numbers[place + 1 :])

    near = [
        numbers[::-1],
        with_place(-numbers[place]),
        with_place(numbers[place] + 1),
        (*numbers, Decimal(1)),
        *[with_place(numbers[place] * 10)] * 2,
    ]
    near += [numbers[:-1]] if len(numbers) > 2 else []
    wrong: Numbers = other(random, numbers, near)
    return wrong


def tuples(random: Random, right: bool) -> Draw:
    """Points and vectors; wrong: order, a coordinate, a dropped decimal point, a sign, length."""
    numbers = tuple(_coordinate(random) for _ in range(random.choice([2, 2, 2, 3])))
    shown = numbers if right else _wrong_tuple(random, numbers)
    gold, answer = _tuple(random, numbers), _tuple(random, shown)
    name = random.choice(["", "", "", "The centre is ", "(x, y) = ", "The answer is ", "P = "])
    return Draw(gold=gold, answer=answer if "=" in name and len(shown) != 2 else name + answer)


def square_brackets(random: Random, right: bool) -> Draw:
    """``[2, 5, 3]``: an ordered list, answered in the same brackets."""
    numbers = tuple(_coordinate(random) for _ in range(random.choice([3, 3, 4])))
    shown = numbers if right else _wrong_tuple(random, numbers)
    sides = [", ".join(_text(random, number) for number in side) for side in (numbers, shown)]
    answer = random.choice([f"[{sides[1]}]", f"\\left[{sides[1]}\\right]", f"[ {sides[1]} ]"])
    return Draw(gold=f"[{sides[0]}]", answer=answer)


def _distinct(random: Random, count: int) -> list[int]:
    return random.sample([n for n in range(-20, 100) if n], count)


def _with_and(texts: Sequence[str]) -> str:
    before = ", ".join(texts[:-1])
    return f"{before}{',' if len(texts) > 2 else ''} and {texts[-1]}"


def _list(random: Random, numbers: Sequence[int]) -> str:
    texts = [f"{number}" for number in random.sample(list(numbers), len(numbers))]
    joined = ", ".join(texts)
    boxes = [f"\\boxed{{{text}}}" for text in texts]
    spellings = [
        joined,
        joined,
        ",".join(texts) if all(len(text) < 3 for text in texts) else joined,
        "; ".join(texts),
        _with_and(texts),
        f"\\{{{joined}\\}}",
        f"{{{joined}}}",
        f"\\boxed{{{joined}}}",
        ", ".join(f"x = {text}" for text in texts),
        " or ".join(f"x = {text}" for text in texts),
        ", ".join(f"x_{place} = {text}" for place, text in enumerate(texts, 1)),
        ", ".join(boxes),
        _with_and(boxes),
        f"The solutions are {_with_and(texts)}.",
    ]
    return random.choice(spellings) if len(texts) > 1 else random.choice([texts[0], boxes[0]])


def lists(random: Random, right: bool) -> Draw:
    """``8, 21`` in any order and spelling; wrong: one missing, one too many, another one."""
    *numbers, more = _distinct(random, random.choice([3, 3, 4]))
    texts = [f"{number}" for number in numbers]
    gold = random.choice([", ".join(texts), _with_and(texts), f"\\{{{', '.join(texts)}\\}}"])
    wrong = [numbers[:-1], numbers[1:], [*numbers, more], [*numbers[:-1], more]]
    return Draw(gold=gold, answer=_list(random, numbers if right else random.choice(wrong)))


def lists_with_units(random: Random, right: bool) -> Draw:
    """``8 cm, 21 cm`` against ``8 cm and 21 cm`` or the bare numbers; wrong: another number."""
    first, second, more = random.sample(range(2, 90), 3)
    unit = random.choice([" cm", "cm", "°", " m", "^\\circ"])
    gold = f"{first}{unit}, {second}{unit}"
    if not right:
        second = more
    texts = random.sample([f"{first}", f"{second}"], 2)
    answers = [
        f"{texts[0]}{unit} and {texts[1]}{unit}",
        f"{texts[0]}{unit}, {texts[1]}{unit}",
        f"{texts[0]}, {texts[1]}",
        f"{texts[0]} and {texts[1]}",
    ]
    return Draw(gold=gold, answer=random.choice(answers))


def plus_minus(random: Random, right: bool) -> Draw:
    """``\\pm 3`` is the set of 3 and -3."""
    value = random.randint(2, 60)
    marked = [f"\\pm {value}", f"±{value}", f"\\pm{value}", f"± {value}"]
    listed = [f"{value}, -{value}", f"-{value}, {value}", f"-{value} and {value}"]
    if right:
        sides = random.sample([*marked, *listed], 2)
        return Draw(gold=sides[0], answer=sides[1])
    gold = random.choice([*marked, *listed])
    wrong = [f"{value}", f"-{value}", f"\\pm {value + 1}", f"{value}, {value + 1}", f"±{value}0"]
    return Draw(gold=gold, answer=random.choice(wrong))


def boxes(random: Random, right: bool) -> Draw:
    """One box behind a calculation holds the answer; several values in boxes are none."""
    value, near, more = random.sample(range(2, 200), 3)
    if right:
        answers = [
            f"{near} + {more} gives us the rest, so the answer is \\boxed{{{value}}}.",
            f"\\boxed{{{value}}}",
            f"$\\boxed{{{value}}}$",
            f"Therefore $x = \\boxed{{{value}}}$.",
            f"First AB = {near}. Then BC = \\boxed{{{value}}}",
            f"\\boxed{{x = {value}}}",
            f"\\[ \\boxed{{{value}}} \\]",
        ]
        return Draw(gold=f"{value}", answer=random.choice(answers))
    pair = random.sample([value, near], 2)
    answers = [
        f"\\boxed{{{pair[0]}}}, \\boxed{{{pair[1]}}}",
        f"\\boxed{{{pair[0]}}} and \\boxed{{{pair[1]}}}",
        f"\\boxed{{{pair[0]}}} or \\boxed{{{pair[1]}}}",
        f"\\boxed{{{pair[0]}}}\n\\boxed{{{pair[1]}}}",
        f"\\boxed{{{pair[0]}, {pair[1]}}}",
        f"\\boxed{{{near}}}",
        f"{value} is too small, so \\boxed{{{near}}}",
    ]
    return Draw(gold=f"{value}", answer=random.choice(answers))


def _interval(random: Random, interval: tuple[str, str, str, str]) -> str:
    opening, low, high, closing = interval
    if random.random() < 0.3:
        opening, closing = f"\\left{opening}", f"\\right{closing}"
    low = random.choice([low, low.replace("\\infty", "∞")])
    high = random.choice([high, high.replace("\\infty", "+\\infty"), high.replace("\\infty", "∞")])
    return f"{opening}{low}{random.choice([', ', ', ', ','])}{high}{closing}"


def intervals(random: Random, right: bool) -> Draw:
    """``[1, 5)``, ``(-\\infty, 3]``; wrong: a bracket, an end, a sign of infinity."""
    low, gap = random.randint(-30, 30), random.randint(1, 30)
    opening, closing = random.choice("(["), random.choice(")]")
    ends = [f"{low}", f"{low + gap}"]
    unbounded = random.choice([None, None, 0, 1])
    if unbounded == 0:
        opening, ends[0] = "(", "-\\infty"
    elif unbounded == 1:
        closing, ends[1] = ")", "\\infty"
    interval = (opening, ends[0], ends[1], closing)
    gold = _interval(random, interval)
    if right:
        return Draw(gold=gold, answer=_interval(random, interval))
    wrong = []
    if unbounded != 0:
        turned = "([".replace(opening, "")
        wrong += [(turned, *interval[1:]), (opening, f"{low - 1}", ends[1], closing)]
    if unbounded != 1:
        turned = ")]".replace(closing, "")
        wrong += [(*interval[:3], turned), (opening, ends[0], f"{low + gap + 1}", closing)]
    if unbounded == 0:
        wrong.append((interval[3].replace("]", "[").replace(")", "("), ends[1], "\\infty", ")"))
    return Draw(gold=gold, answer=_interval(random, random.choice(wrong)))


KINDS: dict[str, Kind] = {
    "tuples": tuples,
    "square brackets": square_brackets,
    "lists": lists,
    "lists with units": lists_with_units,
    "plus and minus": plus_minus,
    "boxes": boxes,
    "intervals": intervals,
}
