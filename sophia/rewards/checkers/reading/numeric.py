"""Whether two expressions clearly differ, by their values at a point; worker process only.

Most wrong answers differ everywhere, and ten evaluations cost less than one simplification.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import mpmath
import sympy

_DIGITS = 40
_LARGEST = 1e9
_SMALLEST_DIVISOR = 1e-6
_NEAR = 1e-4
"""math-verify takes decimals for equal that agree in six places."""


class _InconclusiveError(Exception):
    """The value is too large, too near a singularity, or of something not known here."""


def differ(first: Any, second: Any) -> bool:
    """Whether two expressions, or lists of them, certainly have different values.

    False says nothing: they may differ all the same. Letters get positive values, at which more
    expressions agree than elsewhere, such as x and the root of its square; a percent sign, a
    lone letter or a relation, which math-verify reads in more than one way, is never judged here,
    but for two linear equations: they differ when one is no multiple of the other.
    """
    if isinstance(first, sympy.Eq) and isinstance(second, sympy.Eq):
        return _lines_differ(first, second)
    if isinstance(first, sympy.FiniteSet) and isinstance(second, sympy.FiniteSet):
        return any(all(differ(a, b) for b in second.args) for a in first.args)
    if isinstance(first, sympy.Tuple) and isinstance(second, sympy.Tuple):
        return any(differ(a, b) for a, b in zip(first.args, second.args, strict=False))
    values = (value_at_a_point(first), value_at_a_point(second))
    if values[0] is None or values[1] is None:
        return False
    scale = max(1.0, abs(values[0]), abs(values[1]))
    return bool(abs(values[0] - values[1]) > _NEAR * scale)


def value_at_a_point(expression: Any) -> Any | None:
    """The value of an expression in which each letter has some fixed positive value.

    None where it is above 10^9 or comes from a division by less than 10^-6, so that rounding in 40
    digits cannot matter, and for all but sums, products, powers and the common functions.
    """
    if not isinstance(expression, sympy.Expr) or isinstance(expression, sympy.Symbol):
        return None
    try:
        with mpmath.workdps(_DIGITS):
            return _value(expression)
    except (_InconclusiveError, ArithmeticError, ValueError, RecursionError):
        return None


def _lines_differ(first: Any, second: Any) -> bool:
    letters = sorted(first.free_symbols | second.free_symbols, key=lambda letter: letter.name)
    ours, theirs = _coefficients(first, letters), _coefficients(second, letters)
    if ours is None or theirs is None:
        return False
    pairs = itertools.combinations(zip(ours, theirs, strict=True), 2)
    largest_minor = max(abs(a * d - b * c) for (a, b), (c, d) in pairs)
    return bool(largest_minor > _NEAR * max(map(abs, ours)) * max(map(abs, theirs)))


def _coefficients(equation: Any, letters: list[Any]) -> list[Any] | None:
    """Those of a linear equation, the constant last; None for any other."""
    try:
        polynomial = sympy.Poly(equation.lhs - equation.rhs, *letters)
    except sympy.PolynomialError:
        return None
    if polynomial.total_degree() != 1:
        return None
    values = [polynomial.coeff_monomial(letter) for letter in (*letters, 1)]
    numbers = [value_at_a_point(value) for value in values]
    return None if None in numbers else numbers


def _value(node: Any) -> Any:
    operation = _OPERATIONS.get(type(node))
    if operation is not None:
        value = operation(*map(_value, node.args))
    elif isinstance(node, sympy.Symbol):
        value = _letter(node.name)
    elif isinstance(node, (sympy.Number, sympy.NumberSymbol)) or node is sympy.I:
        value = node._to_mpmath(mpmath.mp.prec)
    else:
        raise _InconclusiveError
    if not abs(value) < _LARGEST:
        raise _InconclusiveError
    return value


def _letter(name: str) -> Any:
    """A value between 1 and 3 that belongs to a name."""
    seed = sum(ord(character) * (index + 7) for index, character in enumerate(name))
    return 1 + 2 * mpmath.frac(seed * mpmath.phi)


def _power(base: Any, exponent: Any) -> Any:
    if abs(exponent) > 100 or (abs(base) < _SMALLEST_DIVISOR and exponent != 1):
        raise _InconclusiveError
    return mpmath.power(base, exponent)


def _logarithm(value: Any, *base: Any) -> Any:
    if base or abs(value) < _SMALLEST_DIVISOR:
        raise _InconclusiveError
    return mpmath.log(value)


_OPERATIONS: dict[Any, Callable[..., Any]] = {
    sympy.Add: lambda *terms: mpmath.fsum(terms),
    sympy.Mul: lambda *factors: mpmath.fprod(factors),
    sympy.Pow: _power,
    sympy.sin: mpmath.sin,
    sympy.cos: mpmath.cos,
    sympy.tan: mpmath.tan,
    sympy.exp: mpmath.exp,
    sympy.log: _logarithm,
    sympy.Abs: abs,
}
