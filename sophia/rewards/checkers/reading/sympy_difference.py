"""The symbolic step of mathruler's rules; imported in the worker process only."""

from __future__ import annotations

import sympy
from sympy.parsing.sympy_parser import (
    implicit_multiplication_application,
    parse_expr,
    standard_transformations,
)

_TRANSFORMATIONS = (*standard_transformations, implicit_multiplication_application)


def parse_normalised(text: str) -> str:
    """The text itself: sympy reads the difference of both sides at once."""
    return text


def sympy_says_equal(gold: str, prediction: str, tolerance: float) -> bool:
    """Whether sympy simplifies the difference to 0; the rules know no tolerance.

    sympy's parser evaluates Python: ``mathruler.grade_answer`` lets no names, dots, quotes or
    brackets of that language through.
    """
    assert tolerance == 0
    difference = f"({gold})-({prediction})".replace("^", "**")
    return bool(sympy.simplify(parse_expr(difference, transformations=_TRANSFORMATIONS)) == 0)
