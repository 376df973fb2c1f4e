"""Numbers in closed form: fractions, roots, powers and pi, worked out without computer algebra.

Rational values are exact. Of others fifty digits are known, more than two different answers share
by chance, so that two closed forms are compared without simplifying either.
"""

from __future__ import annotations

import decimal
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

_ROOTS = decimal.Context(prec=60, traps=[decimal.InvalidOperation, decimal.Overflow])
_PI = Fraction("3.14159265358979323846264338327950288419716939937510582097")
_MAX_BITS = 20_000
_MAX_FACTORIAL = 200
_MAX_DEPTH = 30
_SAME = Fraction(1, 10**35)
_NOISE = Fraction(1, 10**12)

THOUSANDS = r"[1-9][0-9]{0,2}(?:,[0-9]{3})+(?!,?[0-9])"
_SPACED = r"[1-9][0-9]{0,2}(?:[ ][0-9]{3})+(?![0-9])"
_PLACES = r"(?P<places>\.[0-9]+|\.(?![0-9.]))?"
_EXPONENT = (
    r"(?:[eE](?P<e>[-+]?[0-9]{1,3})(?![\w.])"
    r"|\s*(?:[*xX]|\\times|\\cdot)\s*10\s*\^\s*\{?\s*(?P<power>[-+]?[0-9]{1,3})\s*\}?(?![0-9]))?"
)
_LITERAL = re.compile(
    rf"(?:(?P<whole>{THOUSANDS}|{_SPACED}|[0-9]+){_PLACES}|(?P<bare>\.[0-9]+)){_EXPONENT}"
)
_LITERAL_IN_BRACKETS = re.compile(rf"(?:(?P<whole>[0-9]+){_PLACES}|(?P<bare>\.[0-9]+)){_EXPONENT}")
_MIXED = re.compile(r" *(?:([0-9]+)\s*/\s*([0-9]+)(?![0-9^/]|\.[0-9])|(?=\\[dtc]?frac))")
_FRACTION = re.compile(r"\\[dtc]?frac(?![a-zA-Z])\s*")
_ROOT = re.compile(r"\\sqrt\s*(?:\[\s*([2-9])\s*\]\s*)?")
_PI_SIGN = re.compile(r"\\pi(?![a-zA-Z])|(?<![a-zA-Z\\])pi(?![a-zA-Z])")
_SUM_SIGN = re.compile(r"°?\s*([-+])\s*")
_PRODUCT_SIGN = re.compile(r"°?\s*([*/]|\\(?:times|cdot|div)(?![a-zA-Z]))\s*")
_SIGN = re.compile(r"([-+])\s*")
_NEXT_FACTOR = re.compile(r"\s*(?=\\(?:[dtc]?frac|sqrt|pi)(?![a-zA-Z])|\(|pi(?![a-zA-Z]))")
_POWER = re.compile(r"\s*\^\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A real number, and how it was written."""

    number: Fraction
    is_exact: bool
    """False for an irrational number, of which fifty digits are known."""
    is_literal: bool = False
    """Whether it was written as one number in digits: not as a fraction, a root, a sum, ..."""
    ulp: Fraction = Fraction(0)
    """What one is worth in the last place of a literal with a decimal point; else 0."""

    def scaled(self, factor: Fraction) -> Value:
        """The value times a factor, written as it was."""
        return replace(self, number=self.number * factor, ulp=self.ulp * abs(factor))


class _NoValueError(Exception):
    """What stands here is no closed form."""


def parse_value(
    text: str, start: int = 0, *, in_brackets: bool = False
) -> tuple[Value, int] | None:
    """The longest closed form that begins at ``start``, and where it ends; None without one.

    ``in_brackets`` a comma separates coordinates, never thousands. What is too large to be worked
    out at once (a tower of powers) is no closed form.
    """
    parser = _Parser(text, start, _LITERAL_IN_BRACKETS if in_brackets else _LITERAL)
    try:
        return parser.sum(), parser.position
    except (_NoValueError, ArithmeticError):
        return None


def is_equal(value: Value, gold: Value, *, tolerance: float) -> bool:
    """Whether two values are one number: exactly, or |p - g| <= tolerance |g| (absolute at g = 0).

    Without a tolerance a decimal also stands for a number that is no decimal, cut off or rounded:
    for a fraction with six digits or more, for an irrational number with eight or more.
    """
    difference, size = abs(value.number - gold.number), abs(gold.number)
    if tolerance > 0:
        return difference <= Fraction(tolerance) * (size or 1)
    if difference <= (0 if value.is_exact and gold.is_exact else size * _SAME):
        return True
    decimal_form, other = (value, gold) if value.ulp else (gold, value)
    shortest = decimal_form.ulp * (10**5 if other.is_exact else 10**7)
    if other.is_literal or not 0 < shortest <= abs(decimal_form.number):
        return False
    return difference < decimal_form.ulp or difference <= size * _NOISE


def in_digits(text: str) -> Value:
    """The value of digits with at most one point, and perhaps a minus in front."""
    places = len(text.partition(".")[2])
    ulp = Fraction(1, 10**places) if places else Fraction(0)
    return Value(number=Fraction(text), is_exact=True, is_literal=True, ulp=ulp)


def as_latex(value: Value) -> str | None:
    """A rational value as LaTeX that no parser can misread; None for an irrational one."""
    if not value.is_exact:
        return None
    sign = "-" if value.number < 0 else ""
    above, below = abs(value.number.numerator), value.number.denominator
    return f"{sign}{above}" if below == 1 else f"{sign}\\frac{{{above}}}{{{below}}}"


class _Parser:
    """Reads sums of products of powers from a position on; methods move the position."""

    def __init__(self, text: str, position: int, literal: re.Pattern[str]) -> None:
        self._text = text
        self.position = position
        self._literal = literal
        self._depth = 0

    def sum(self) -> Value:
        total = self._signed(self._product)
        while sign := self._take(_SUM_SIGN):
            term = self._attempt(sign, self._product)
            if term is None:
                break
            total = _computed(
                total.number + (term.number if sign[1] == "+" else -term.number), total, term
            )
        return total

    def _signed(self, read: Callable[[], Value]) -> Value:
        sign = self._take(_SIGN)
        value = read()
        return value.scaled(Fraction(-1)) if sign and sign[1] == "-" else value

    def _product(self) -> Value:
        product = self._power()
        while True:
            sign = self._take(_PRODUCT_SIGN) or self._take(_NEXT_FACTOR)
            if sign is None:
                return product
            is_written = bool(sign[0].strip())
            before_bracket = not is_written and self._text.startswith("(", sign.end())
            read = (lambda: self._signed(self._power)) if is_written else self._power
            factor = self._attempt(sign, read)
            if factor is None:
                return product
            if before_bracket and product.is_literal and factor.is_literal:
                raise _NoValueError  # 0(42): nobody writes a product so
            divides = is_written and sign[1] in ("/", "\\div")
            number = product.number / factor.number if divides else product.number * factor.number
            product = _computed(number, product, factor)

    def _power(self) -> Value:
        base = self._atom()
        if sign := self._take(_POWER):
            exponent = self._attempt(sign, self._exponent)
            if exponent is None:
                raise _NoValueError
            base = _raised(base, exponent)
        if self._at("!"):
            self.position += 1
            if self._at("!"):
                raise _NoValueError  # a double factorial, or enthusiasm
            base = _factorial(base)
        return base

    def _exponent(self) -> Value:
        return self._bracketed("{", "}") if self._at("{") else self._signed(self._power)

    def _atom(self) -> Value:
        for pattern, read in (
            (self._literal, self._after_literal),
            (_FRACTION, lambda _: self._after_frac()),
            (_ROOT, self._after_root),
            (_PI_SIGN, lambda _: Value(number=_PI, is_exact=False)),
        ):
            if match := self._take(pattern):
                return read(match)
        return self._bracketed("(", ")")

    def _after_literal(self, match: re.Match[str]) -> Value:
        value = _literal(match)
        if value.ulp or match["e"] or match["power"]:
            return value
        mixed = self._take(_MIXED)
        if mixed is None:
            return value
        if mixed[1]:
            part = Fraction(int(mixed[1]), int(mixed[2]))
        else:
            self._take(_FRACTION)
            part = self._after_frac().number
        if not 0 <= part < 1:
            self.position = match.end()
            return value  # 3\frac{7}{2} is a product
        return Value(number=value.number + part, is_exact=True)

    def _after_frac(self) -> Value:
        above, below = self._argument(), self._argument()
        return _computed(above.number / below.number, above, below)

    def _after_root(self, match: re.Match[str]) -> Value:
        if digits := self._take(re.compile(r"[0-9]+(?:\.[0-9]+)?")):
            return _root(Value(number=Fraction(digits[0]), is_exact=True), 2)
        inside = self._bracketed("(", ")") if self._at("(") else self._argument()
        return _root(inside, int(match[1] or 2))

    def _argument(self) -> Value:
        """Of a command: something in braces, or one digit."""
        self._take(re.compile(r"\s*"))
        if self._at("{"):
            return self._bracketed("{", "}")
        digit = self._take(re.compile("[0-9]"))
        if digit is None:
            raise _NoValueError
        return Value(number=Fraction(digit[0]), is_exact=True, is_literal=True)

    def _bracketed(self, opening: str, closing: str) -> Value:
        self._depth += 1
        if not self._at(opening) or self._depth > _MAX_DEPTH:
            raise _NoValueError
        self.position += 1
        self._take(re.compile(r"\s*"))
        value = self.sum()
        self._take(re.compile(r"°?\s*"))
        if not self._at(closing):
            raise _NoValueError
        self.position += 1
        self._depth -= 1
        return value

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        match = pattern.match(self._text, self.position)
        if match is not None:
            self.position = match.end()
        return match

    def _at(self, character: str) -> bool:
        return self._text.startswith(character, self.position)

    def _attempt(self, before: re.Match[str], read: Callable[[], Value]) -> Value | None:
        """What is read here; None, and the position before the match, where nothing can be."""
        depth = self._depth
        if depth >= _MAX_DEPTH:
            raise _NoValueError  # 1^1^1^..., on which recursion would end
        try:
            self._depth += 1
            return read()
        except _NoValueError:
            self.position = before.start()
            return None
        finally:
            self._depth = depth


def _literal(match: re.Match[str]) -> Value:
    digits = re.sub("[, ]", "", match["bare"] or match["whole"] + (match["places"] or ""))
    exponent = int(match["e"] or match["power"] or 0)
    value = in_digits(digits.rstrip("."))
    return value.scaled(Fraction(10) ** exponent) if exponent else value


def _computed(number: Fraction, *operands: Value) -> Value:
    if number.denominator.bit_length() + number.numerator.bit_length() > _MAX_BITS:
        raise _NoValueError
    return Value(number=number, is_exact=all(operand.is_exact for operand in operands))


def _raised(base: Value, exponent: Value) -> Value:
    power = exponent.number
    bits = base.number.numerator.bit_length() + base.number.denominator.bit_length()
    if not exponent.is_exact or power.denominator > 9 or bits * abs(power) > _MAX_BITS:
        raise _NoValueError
    return _root(_computed(base.number**power.numerator, base), power.denominator)


def _root(value: Value, degree: int) -> Value:
    if degree == 1:
        return value
    if value.number < 0:
        raise _NoValueError
    radicand = _ROOTS.divide(Decimal(value.number.numerator), Decimal(value.number.denominator))
    near = Fraction(_ROOTS.power(radicand, _ROOTS.divide(Decimal(1), Decimal(degree))))
    rational = near.limit_denominator(10**9)
    if rational**degree == value.number:
        return _computed(rational, value)
    return Value(number=near, is_exact=False)


def _factorial(value: Value) -> Value:
    if value.number.denominator != 1 or not 0 <= value.number <= _MAX_FACTORIAL:
        raise _NoValueError
    return Value(number=Fraction(math.factorial(int(value.number))), is_exact=True)
