"""What a reward term may answer: as many finite numbers as a group has completions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real
from typing import Any

from sophia.own.function import UnusableError
from sophia.rewards.signatures import shown
from sophia.types import TermValues


def finite_values(returned: Any, expected: int) -> tuple[float | None, ...]:
    """As many values as there are completions, None among them, from a list, array or tensor.

    Raises:
        UnusableError: it is something else.
    """
    return tuple(_number(value) for value in _several(returned, expected, "values"))


def finite_weights(returned: Any, expected: int) -> tuple[float, ...]:
    """As many weights as there are completions, from a list, array or tensor.

    Raises:
        UnusableError: it is something else, or one of them is None.
    """
    weights = [_number(weight) for weight in _several(returned, expected, "weights")]
    known = tuple(weight for weight in weights if weight is not None)
    if len(known) < len(weights):
        raise UnusableError(
            "it returned None as a weight; a weight is a finite number, 0 for a completion that has"
            " no value"
        )
    return known


def checked(answer: object, expected: int) -> TermValues:
    """The answer of a term with as many finite numbers as there are completions.

    Raises:
        UnusableError: it is something else.
    """
    if not isinstance(answer, TermValues):
        raise UnusableError(f"it returned {shown(answer)}, expected TermValues in a future")
    return TermValues(
        values=finite_values(answer.values, expected),
        weights=finite_weights(answer.weights, expected),
    )


def _several(returned: Any, expected: int, what: str) -> Sequence[Any]:
    if hasattr(returned, "tolist"):  # an array or a tensor
        returned = returned.tolist()
    if isinstance(returned, str | bytes) or not isinstance(returned, Sequence):
        raise UnusableError(f"it returned {shown(returned)}, expected a list of {expected}")
    if len(returned) != expected:
        raise UnusableError(f"it returned {len(returned)} {what} for {expected} completions")
    return returned


def _number(value: Any) -> float | None:
    """The value as a float: of Python, of numpy, or a tensor without dimensions."""
    if value is None:
        return None
    if getattr(value, "shape", None) == ():
        value = value.item()
    if not isinstance(value, Real) or not math.isfinite(value):
        raise UnusableError(
            f"it returned {shown(value)}, expected a finite number, or None where it cannot say"
        )
    return float(value)
