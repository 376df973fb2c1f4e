"""The process that parses untrusted mathematics: ``python -m sophia.rewards.process.worker``.

One JSON request a line comes in on stdin: rule, gold, prediction (null: is the gold harmless?),
tolerance, limit_s. Lines go out on stdout: ``ready`` once; then for each request ``gold`` as soon
as the gold is read, and one of ``right wrong unparsed unscored``. Imports neither torch nor any of
the trainer.
"""

from __future__ import annotations

import functools
import json
import os
import resource
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TextIO

from sophia.rewards.checkers.reading.symbolic import (
    is_equal,
    parse_latex,
    parse_normalised,
    sympy_says_equal,
)

MAX_MEMORY_BYTES = 4 << 30
_GRACE_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How one side is read, and how two read sides are compared.

    ``parse`` gives None for a text that it cannot read; ``is_equal`` is given the gold, the
    prediction and the relative tolerance.
    """

    parse: Callable[[str], Any | None]
    is_equal: Callable[[Any, Any, float], bool]


RULES = {
    "math": Rule(parse=parse_latex, is_equal=is_equal),
    "mathruler": Rule(parse=parse_normalised, is_equal=sympy_says_equal),
}

# What computer algebra raises on text that is not mathematics; anything else ends the process.
_NOT_MATHEMATICS = (
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    NotImplementedError,
    RecursionError,
    SyntaxError,
    TypeError,
    ValueError,
)


def main() -> None:
    """Serve requests until stdin closes."""
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1, encoding="utf-8")
    sys.stdout = sys.stderr  # parsers print; the reply pipe is ours alone
    _say(replies, "ready")
    for line in sys.stdin:
        request = json.loads(line)
        # The parent kills on time; this ends a busy process whose parent is gone.
        signal.setitimer(signal.ITIMER_REAL, request.pop("limit_s") + _GRACE_S)
        _say(replies, _serve(replies, **request))
        signal.setitimer(signal.ITIMER_REAL, 0.0)


def _serve(
    replies: TextIO, *, rule: str, gold: str, prediction: str | None, tolerance: float
) -> str:
    expected = _read_gold(rule, gold)
    if expected is None:
        return "unscored"
    _say(replies, "gold")
    compare = RULES[rule]
    if prediction is None:  # a tower of powers is read in no time; to compare it takes for ever
        _attempt(compare.is_equal, expected, compare.parse("1"), 0.0)
        return "wrong"
    answer = _attempt(compare.parse, prediction)
    if answer is None:
        return "unparsed"
    return "right" if _attempt(compare.is_equal, expected, answer, tolerance) else "wrong"


@functools.lru_cache(maxsize=1024)
def _read_gold(rule: str, gold: str) -> Any | None:
    return _attempt(RULES[rule].parse, gold)


def _attempt(function: Callable[..., Any], *arguments: Any) -> Any | None:
    try:
        return function(*arguments)
    except _NOT_MATHEMATICS:
        return None


def _say(replies: TextIO, word: str) -> None:
    replies.write(word + "\n")
    replies.flush()


if __name__ == "__main__":
    main()
