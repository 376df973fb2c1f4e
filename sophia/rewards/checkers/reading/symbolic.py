"""Equality of LaTeX expressions by math-verify; imported in the worker process only."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import sympy
from antlr4.atn.PredictionMode import PredictionMode
from latex2sympy2_extended import NormalizationConfig, normalize_latex
from latex2sympy2_extended.latex2sympy2 import _Latex2Sympy
from math_verify import LatexExtractionConfig, parse, verify

from sophia.rewards.checkers.reading.numeric import differ, value_at_a_point

_NORMALISATION = NormalizationConfig(
    basic_latex=True,
    units=False,  # it drops "c" and " wrong" as units; ours is in units.py
    malformed_operators=True,
    nits=True,
    boxed="none",
    equations=False,
)
_EXTRACTION = (LatexExtractionConfig(boxed_match_priority=-1, normalization_config=_NORMALISATION),)
_NOT_PLAIN = re.compile(r"%|\\(?:det|mathbb)|(?<![a-zA-Z])i(?![a-zA-Z])")


def parse_latex(text: str) -> Any | None:
    """The expression as sympy objects; None when math-verify cannot read *all* of the text."""
    if not _NOT_PLAIN.search(text) and (quick := _parse_quickly(text)) is not None:
        return [quick]
    parsed = parse(
        f"${text}$",
        _EXTRACTION,
        fallback_mode="no_fallback",
        extraction_mode="first_match",  # or it would look for a fraction inside what it cannot read
        parsing_timeout=None,  # its own limit is a signal; ours is the parent's kill
    )
    return parsed or None


class _QuickParser(_Latex2Sympy):  # type: ignore[misc]
    """math-verify's parser in antlr's faster mode, which gives the same tree or a syntax error."""

    def create_parser(self, latex_str: str) -> Any:
        parser = super().create_parser(latex_str)
        parser._interp.predictionMode = PredictionMode.SLL
        return parser


def _parse_quickly(text: str) -> Any | None:
    """What math-verify makes of a text without percent, box and complex numbers, or None."""
    try:
        return _QuickParser(is_real=True).parse(normalize_latex(text, config=_NORMALISATION))
    except Exception:  # noqa: BLE001  # the library raises nothing narrower
        return None


def is_equal(gold: Any, prediction: Any, tolerance: float) -> bool:
    """Whether two read expressions are equal to math-verify, or near enough as real numbers.

    Near enough is |p - g| <= tolerance |g|, absolute when g is 0, element by element of a list.
    What differs at a point is different, and what expands to the same is equal, at a fraction of
    math-verify's cost.
    """
    kinds = {isinstance(side[0], sympy.Interval): side[0] for side in (gold, prediction)}
    if len(kinds) == 2 and isinstance(kinds[False], sympy.FiniteSet):
        return False  # math-verify would take {1, 2} for (1, 2)
    if not differ(gold[0], prediction[0]) and (
        _expand_alike(gold[0], prediction[0])
        or verify(gold, prediction, timeout_seconds=None, allow_set_relation_comp=True)
    ):
        return True
    return tolerance > 0 and _is_close(gold[0], prediction[0], tolerance)


def _expand_alike(gold: Any, prediction: Any) -> bool:
    # Only what has a moderate value at a point: (a+b+c+d)^200 must not be expanded.
    if any(value_at_a_point(side) is None for side in (gold, prediction)):
        return False
    return bool(sympy.expand(gold - prediction) == 0)


def _is_close(gold: Any, prediction: Any, tolerance: float) -> bool:
    if isinstance(gold, (sympy.FiniteSet, sympy.Tuple)) and isinstance(prediction, type(gold)):
        pairs = zip(_elements(gold), _elements(prediction), strict=False)
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


def _elements(several: Any) -> Sequence[Any]:
    is_set = isinstance(several, sympy.FiniteSet)
    return sorted(several.args, key=sympy.N) if is_set else several.args
