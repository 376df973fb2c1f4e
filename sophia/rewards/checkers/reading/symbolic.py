"""Equality of expressions by computer algebra; imported in the worker process only.

LaTeX is compared by math-verify, text that mathruler's rules have normalised by sympy alone.
"""

from __future__ import annotations

import math
from typing import Any

import sympy
from latex2sympy2_extended import NormalizationConfig
from math_verify import LatexExtractionConfig, parse, verify
from sympy.parsing.sympy_parser import (
    implicit_multiplication_application,
    parse_expr,
    standard_transformations,
)

_EXTRACTION = (
    LatexExtractionConfig(
        boxed_match_priority=-1,
        normalization_config=NormalizationConfig(
            basic_latex=True,
            units=False,  # it drops "c" and " wrong" as units; ours is in units.py
            malformed_operators=True,
            nits=True,
            boxed="none",
            equations=False,
        ),
    ),
)
_TRANSFORMATIONS = (*standard_transformations, implicit_multiplication_application)


def parse_latex(text: str) -> Any | None:
    """The expression as sympy objects; None when math-verify cannot read *all* of the text."""
    parsed = parse(
        f"${text}$",
        _EXTRACTION,
        fallback_mode="no_fallback",
        extraction_mode="first_match",  # or it would look for a fraction inside what it cannot read
        parsing_timeout=None,  # its own limit is a signal; ours is the parent's kill
    )
    return parsed or None


def is_equal(gold: Any, prediction: Any, tolerance: float) -> bool:
    """Whether two read expressions are equal to math-verify, or near enough as real numbers.

    Near enough is |p - g| <= tolerance |g|, absolute when g is 0, element by element of a list.
    """
    kinds = {isinstance(side[0], sympy.Interval): side[0] for side in (gold, prediction)}
    if len(kinds) == 2 and isinstance(kinds[False], sympy.FiniteSet):
        return False  # math-verify would take {1, 2} for (1, 2)
    if verify(gold, prediction, timeout_seconds=None, allow_set_relation_comp=True):
        return True
    return tolerance > 0 and _is_close(gold[0], prediction[0], tolerance)


def _is_close(gold: Any, prediction: Any, tolerance: float) -> bool:
    if isinstance(gold, (sympy.FiniteSet, sympy.Tuple)) and isinstance(prediction, type(gold)):
        pairs = list(zip(*(_sorted_if_set(value) for value in (gold, prediction)), strict=False))
        same_length = len(gold.args) == len(prediction.args)
        return same_length and all(_is_close(g, p, tolerance) for g, p in pairs)
    target, value = _real(gold), _real(prediction)
    if target is None or value is None:
        return False
    return abs(value - target) <= tolerance * (abs(target) or 1.0)


def _real(expression: Any) -> float | None:
    if isinstance(expression, sympy.Eq) and isinstance(expression.lhs, sympy.Symbol):
        expression = expression.rhs
    if not isinstance(expression, sympy.Expr) or expression.free_symbols:
        return None
    number = complex(sympy.N(expression))
    return number.real if number.imag == 0 and math.isfinite(number.real) else None


def _sorted_if_set(value: Any) -> list[Any]:
    return (
        sorted(value.args, key=sympy.N) if isinstance(value, sympy.FiniteSet) else list(value.args)
    )


def parse_normalised(text: str) -> str:
    """The text itself: sympy reads the difference of both sides at once."""
    return text


def sympy_says_equal(gold: str, prediction: str, tolerance: float) -> bool:
    """Whether sympy simplifies the difference to 0; ``tolerance`` is 0, the rules know none.

    sympy's parser evaluates Python: ``mathruler.grade_answer`` lets no names, dots, quotes or
    brackets of that language through.
    """
    assert tolerance == 0
    difference = f"({gold})-({prediction})".replace("^", "**")
    return bool(sympy.simplify(parse_expr(difference, transformations=_TRANSFORMATIONS)) == 0)
