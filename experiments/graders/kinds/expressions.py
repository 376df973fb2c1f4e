"""Pairs that are no plain numbers: roots, pi, sums of them, polynomials, lines, inequalities."""

from __future__ import annotations

from fractions import Fraction
from math import pi, sqrt
from random import Random

from experiments.graders.kinds.draw import Draw, Kind, decimal_text, far, other, signed

SQUAREFREE = [n for n in range(2, 80) if all(n % (k * k) for k in range(2, 9))]


def root_spellings(factor: str, radicand: int) -> list[str]:
    """Ways to write a root with a factor; "" and "-" stand for 1 and -1."""
    texts = [
        f"{factor}\\sqrt{{{radicand}}}",
        f"{factor}√{radicand}",
        f"{factor}√{{{radicand}}}",
        f"{factor}√({radicand})",
        f"{factor}sqrt({radicand})",
    ]
    if factor not in ("", "-"):
        texts += [
            f"{factor}*sqrt({radicand})",
            f"{factor} \\sqrt{{{radicand}}}",
            f"{factor}\\cdot\\sqrt{{{radicand}}}",
            f"{factor} \\times \\sqrt{{{radicand}}}",
            f"{factor} * √{radicand}",
        ]
    return [*texts, f"{factor}\\sqrt{radicand}"] if radicand < 10 else texts


def _factor_text(factor: Fraction) -> str:
    return {"1": "", "-1": "-"}.get(text := decimal_text(factor), text)


def roots(random: Random, right: bool) -> Draw:
    """``4√17`` in its spellings; wrong: another radicand or factor, a dropped decimal point."""
    radicand = random.choice(SQUAREFREE)
    factor = Fraction(random.choice([1, 1, *range(2, 30)])) * random.choice([1, 1, 1, -1])
    if random.random() < 0.3:
        factor = Fraction(random.randint(11, 99), 10)
    value = float(factor) * sqrt(radicand)
    gold = random.choice(root_spellings(_factor_text(factor), radicand))
    if right:
        texts = root_spellings(_factor_text(factor), radicand)
        if factor.denominator == 1:
            under = (factor.numerator**2) * radicand
            texts += root_spellings("-" if factor < 0 else "", under)[:2]
        return Draw(gold=gold, answer=random.choice([*texts, f"{value:.9f}"]))
    near = [
        (factor * 10, radicand),
        (factor + 1, radicand),
        (-factor, radicand),
        (factor, radicand + 1),
        (factor, int(f"{radicand}"[::-1])),
        (factor, int(f"{radicand}"[0])),
    ]
    near += [(factor * 10, radicand)] * 3 if factor.denominator > 1 else []
    candidates = [(f"{decimal_text(factor)}", float(factor)), (f"{radicand}", float(radicand))]
    for f, n in near:
        if f and n:
            text = random.choice(root_spellings(_factor_text(f), n))
            candidates.append((text, float(f) * sqrt(n)))
    wrong = far(random, value, candidates)
    return Draw(gold=wrong, answer=gold) if random.random() < 0.3 else Draw(gold=gold, answer=wrong)


def pi_spellings(factor: str) -> list[str]:
    """Ways to write a multiple of pi; "" stands for 1."""
    texts = [f"{factor}π", f"{factor}\\pi", f"{factor}pi"]
    if factor not in ("", "-"):
        texts += [f"{factor}*pi", f"{factor} \\pi", f"{factor} π", f"{factor}\\cdot\\pi"]
        texts += [f"{factor} \\times \\pi", f"{factor} * π"]
    return texts


def multiples_of_pi(random: Random, right: bool) -> Draw:
    """``6π`` in its spellings; wrong: another factor, a dropped point, no pi."""
    factor = Fraction(random.choice([1, *range(2, 100)]))
    if random.random() < 0.4:
        factor = Fraction(random.randint(11, 299), 10)
    value = float(factor) * pi
    gold = random.choice(pi_spellings(_factor_text(factor)))
    if right:
        texts = pi_spellings(_factor_text(factor))
        return Draw(gold=gold, answer=random.choice([*texts, *texts, f"{value:.9f}"]))
    candidates = [(decimal_text(factor), float(factor))]
    for near in (factor * 10, factor + 1, factor / 10, factor * 2, factor * 10):
        text = random.choice(pi_spellings(_factor_text(near)))
        candidates.append((text, float(near) * pi))
    return Draw(gold=gold, answer=far(random, value, candidates))


def _surd_fraction(above: int, inner: str, plain: str, below: int) -> list[str]:
    factor = "" if above == 1 else f"{above}"
    return [
        f"\\frac{{{factor}{inner}}}{{{below}}}",
        f"\\dfrac{{{factor}{inner}}}{{{below}}}",
        f"{factor}{plain}/{below}",
        f"({factor}{plain})/{below}",
        f"\\frac{{{above}}}{{{below}}}{inner}",
        f"\\frac{{{above}}}{{{below}}} {inner}",
    ]


def surd_fractions(random: Random, right: bool) -> Draw:
    """``\\frac{3\\sqrt{2}}{2}`` and ``3π/4``, the factor before, above, or in decimals."""
    above, below = random.randint(1, 12), random.randint(2, 12)
    radicand = random.choice(SQUAREFREE)
    is_root = random.random() < 0.6
    inner, number = (f"\\sqrt{{{radicand}}}", sqrt(radicand)) if is_root else ("\\pi", pi)
    plain = random.choice([f"√{radicand}", f"√{{{radicand}}}"]) if is_root else "π"
    value = above * number / below
    gold = random.choice(_surd_fraction(above, inner, plain, below))
    if right:
        texts = _surd_fraction(above, inner, plain, below)
        texts.append(f"{value:.10f}")
        if Fraction(above, below) * 1000 % 1 == 0 and above != below:
            texts.append(f"{decimal_text(Fraction(above, below))}{plain}")
        return Draw(gold=gold, answer=random.choice(texts))
    candidates = [(f"{above}/{below}", above / below)]
    for a, b in ((above + 1, below), (above, below + 1), (below, above), (above * 10, below)):
        if b > 1:
            text = random.choice(_surd_fraction(a, inner, plain, b))
            candidates.append((text, a * number / b))
    return Draw(gold=gold, answer=far(random, value, candidates))


def surd_sums(random: Random, right: bool) -> Draw:
    """``2√2-2`` with its terms in either order; wrong: a sign, a term, a turned difference."""
    n, k, c = random.choice(SQUAREFREE), random.randint(1, 9), random.randint(1, 12)
    sign = random.choice([1, -1])
    factor = "" if k == 1 else f"{k}"

    def texts(k_text: str, n: int, c: int) -> list[str]:
        found = []
        for root in (f"{k_text}\\sqrt{{{n}}}", f"{k_text}√{n}", f"{k_text}√{{{n}}}"):
            found += [
                f"{root}{signed(c, f'{abs(c)}')}",
                f"{root}{signed(c, f'{abs(c)}').replace(' ', '')}",
            ]
            found.append(f"{c} + {root}")
        return found

    value = k * sqrt(n) + sign * c
    gold = random.choice(texts(factor, n, sign * c))
    if right:
        return Draw(gold=gold, answer=random.choice([*texts(factor, n, sign * c), f"{value:.10f}"]))
    candidates = [
        (random.choice(texts(factor, n, -sign * c)), k * sqrt(n) - sign * c),
        (random.choice(texts(factor, n, sign * c + 20)), k * sqrt(n) + sign * c + 20),
        (random.choice(texts(f"{k + 1}", n, sign * c)), (k + 1) * sqrt(n) + sign * c),
        (f"{factor}√{n}", k * sqrt(n)),
        (f"{sign * c} - {factor}√{n}", sign * c - k * sqrt(n)),
    ]
    return Draw(gold=gold, answer=far(random, value, candidates))


def _quadratic(random: Random, a: int, b: int, c: int) -> str:
    square = random.choice(["x^2", "x^{2}", "x²"])
    lead = "" if a == 1 else f"{a}"
    terms = [(a, f"{lead}{square}")]
    terms += [(b, "x" if abs(b) == 1 else f"{abs(b)}x")] if b else []
    terms += [(c, f"{abs(c)}")] if c else []
    if random.random() < 0.25:
        random.shuffle(terms)
    text = "".join(signed(n, term, first=i == 0) for i, (n, term) in enumerate(terms))
    return random.choice([text, text.replace(" ", "")])


def _factored(random: Random, a: int, p: int, q: int) -> str:
    first, second = random.sample(
        [f"(x{signed(p, f'{abs(p)}')})", f"(x{signed(q, f'{abs(q)}')})"], 2
    )
    text = f"{'' if a == 1 else a}{first}{second}"
    return random.choice([text, text.replace(" ", "")])


def polynomials(random: Random, right: bool) -> Draw:
    """Expanded, factored, in another order; wrong: a coefficient or a sign is off."""
    a = random.choice([1, 1, 2, 3])
    p, q = (random.choice([1, -1]) * random.randint(1, 12) for _ in range(2))
    gold_p, gold_q = p, q
    gold = random.choice(
        [_quadratic(random, a, a * (p + q), a * p * q), _factored(random, a, p, q)]
    )
    if not right:
        near = [(p + 1, q), (p, q - 1), (-p, -q), (-p, q), (p, q + 10)]
        same = {gold_p, gold_q}
        choices = [(r, s) for r, s in near if {r, s} != same and r and s]
        p, q = random.choice(choices or [(p + 13, q + 13)])
    if random.random() < 0.5:
        return Draw(gold=gold, answer=_factored(random, a, p, q))
    return Draw(gold=gold, answer=_quadratic(random, a, a * (p + q), a * p * q))


def _line(random: Random, slope: Fraction, shift: int) -> str:
    size = abs(slope)
    if size.denominator > 1:
        texts = [f"\\frac{{{size.numerator}}}{{{size.denominator}}}x"]
        texts += [f"{decimal_text(size)}x"] if 1000 % size.denominator == 0 else []
        term = random.choice(texts)
    else:
        term = "x" if size == 1 else f"{size}x"
    sign = 1 if slope > 0 else -1
    texts = [f"y = {signed(sign, term, first=True)}{signed(shift, f'{abs(shift)}')}"]
    texts.append(f"y = {shift}{signed(sign, term)}")
    text = random.choice([texts[0], *texts])
    return random.choice([text, text.replace(" ", "")])


def lines(random: Random, right: bool) -> Draw:
    """``y = 2x + 1``; wrong: slope, intercept, a sign, a decimal point, x and y exchanged."""
    slope = Fraction(random.randint(1, 30), random.choice([1, 1, 1, 2, 4, 10, 3]))
    slope *= random.choice([1, 1, -1])
    shift = random.randint(1, 20) * random.choice([1, -1])
    gold = _line(random, slope, shift)
    if right:
        return Draw(gold=gold, answer=_line(random, slope, shift))
    near = [(slope * 10, shift), (-slope, shift), (slope, -shift), (slope + 1, shift), (slope, 25)]
    a, b = random.choice([(a, b) for a, b in near if a and (a, b) != (slope, shift)])
    answer = _line(random, a, b)
    if abs(slope) != 1 and random.random() < 0.15:
        answer = gold.replace("y", "?").replace("x", "y").replace("?", "x")
    return Draw(gold=gold, answer=answer)


COMPARISONS = {
    "<": ["<", "\\lt "],
    ">": [">", "\\gt "],
    "<=": ["\\le ", "\\leq ", "≤", "<="],
    ">=": ["\\ge ", "\\geq ", "≥", ">="],
}
TURNED = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}


def _inequality(random: Random, sign: str, bound: int) -> str:
    if random.random() < 0.3:
        return f"{bound} {random.choice(COMPARISONS[TURNED[sign]])} x"
    text = f"x {random.choice(COMPARISONS[sign])} {bound}"
    return random.choice([text, f"x{random.choice(COMPARISONS[sign])}{bound}"])


def inequalities(random: Random, right: bool) -> Draw:
    """``x > 3`` from either side; wrong: the direction, the bound, strict or not."""
    bound, sign = random.randint(-20, 40), random.choice(list(COMPARISONS))
    gold = _inequality(random, sign, bound)
    if right:
        return Draw(gold=gold, answer=_inequality(random, sign, bound))
    strictness = sign[0] if sign.endswith("=") else f"{sign}="
    near = [(TURNED[sign], bound), (strictness, bound), (sign, bound + 1), (sign, bound * 10 + 1)]
    wrong = _inequality(random, *random.choice(near))
    return Draw(gold=gold, answer=random.choice([wrong, wrong, wrong, f"x = {bound}"]))


def _angle_term(random: Random, whole: int, factor: int, letter: str) -> str:
    term = {1: letter, -1: letter}.get(factor, f"{abs(factor)}{letter}")
    degree = random.choice(["°", "^\\circ", "^{\\circ}"])
    text = f"{whole}{degree}{signed(factor, term)}"
    turned = f"{signed(factor, term, first=True)} + {whole}{degree}"
    return random.choice([text, text.replace(" ", ""), turned])


def angles_in_letters(random: Random, right: bool) -> Draw:
    """``180°-2α`` against ``180^\\circ - 2\\alpha``; wrong: another number, factor or sign."""
    whole, factor = random.choice([90, 180, 360, 45, 120]), random.choice([1, 2, 3, -1, -2, -3])
    greek, latex = random.choice([("α", "\\alpha"), ("β", "\\beta"), ("θ", "\\theta"), ("x", "x")])
    gold = _angle_term(random, whole, factor, random.choice([greek, latex]))
    if not right:
        near = [(whole, -factor), (whole, factor * 2), (whole * 2, factor), (whole + 5, factor)]
        whole, factor = other(random, (whole, factor), near)
    return Draw(gold=gold, answer=_angle_term(random, whole, factor, random.choice([greek, latex])))


KINDS: dict[str, Kind] = {
    "roots": roots,
    "multiples of pi": multiples_of_pi,
    "roots and pi in fractions": surd_fractions,
    "sums with roots": surd_sums,
    "polynomials": polynomials,
    "equations of lines": lines,
    "inequalities": inequalities,
    "angles in letters": angles_in_letters,
}
