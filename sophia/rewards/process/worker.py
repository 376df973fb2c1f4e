"""The process that parses untrusted mathematics: ``python -m sophia.rewards.process.worker``.

One JSON request a line comes in on stdin: rule, gold, prediction (null: can the gold be used?),
tolerance, limit_s. Lines go out on stdout: ``ready`` once; then for each request ``gold`` as soon
as the gold is read and was tried, and one of ``right wrong unparsed unscored``. Imports
neither torch nor any of the trainer.

What it parses was written by a model, and mathruler's parser evaluates text as Python once its own
filter lets it through (at most two different letters beside sqrt and frac). So the process has
little to misuse: it may take 4 GiB of memory, write no file and, unless it is run by root, start
no process; the parent kills it on time.
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

from mathruler.grader import grade_answer

from sophia.rewards.checkers.reading.symbolic import is_equal, parse_latex

MAX_MEMORY_BYTES = 4 << 30
_LIMITS = {
    resource.RLIMIT_AS: MAX_MEMORY_BYTES,
    resource.RLIMIT_FSIZE: 0,
    resource.RLIMIT_NPROC: 0,
    resource.RLIMIT_CORE: 0,
}
_GRACE_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How one side is read, and how two read sides are compared.

    ``parse`` gives None for a text that it cannot read; ``is_equal`` is given the gold, the
    prediction and the relative tolerance. ``probe`` is the answer that every gold is compared with
    once: a gold that this takes too long for is the one to blame.
    """

    parse: Callable[[str], Any | None]
    is_equal: Callable[[Any, Any, float], bool]
    probe: str


RULES = {
    "math": Comparison(parse=parse_latex, is_equal=is_equal, probe="1"),
    "mathruler": Comparison(
        parse=str,
        is_equal=lambda gold, prediction, _: grade_answer(prediction, gold),
        probe="0.5",  # it evaluates nothing where one side alone is a whole number
    ),
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
    limit_resources()
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1, encoding="utf-8")
    sys.stdout = sys.stderr  # parsers print; the reply pipe is ours alone
    _say(replies, "ready")
    for line in sys.stdin:
        request = json.loads(line)
        # The parent kills on time; this ends a busy process whose parent is gone.
        signal.setitimer(signal.ITIMER_REAL, 2 * request.pop("limit_s") + _GRACE_S)
        _say(replies, _serve(replies, **request))
        signal.setitimer(signal.ITIMER_REAL, 0.0)


def limit_resources() -> None:
    """Take from this process what a comparison does not need; there is no way back."""
    sys.dont_write_bytecode = True
    for limit, value in _LIMITS.items():
        resource.setrlimit(limit, (value, value))


def _serve(
    replies: TextIO, *, rule: str, gold: str, prediction: str | None, tolerance: float
) -> str:
    expected = _read_gold(rule, gold)
    if expected is None:
        return "unscored"
    _say(replies, "gold")
    if prediction is None:
        return "wrong"
    answer = _attempt(RULES[rule].parse, prediction)
    if answer is None:
        return "unparsed"
    return "right" if _attempt(RULES[rule].is_equal, expected, answer, tolerance) else "wrong"


@functools.lru_cache(maxsize=1024)
def _read_gold(rule: str, gold: str) -> Any | None:
    """The gold as the rule reads it; None when it cannot.

    A tower of powers is read in no time, but every comparison takes for ever; so there is one.
    """
    side = RULES[rule]
    expected = _attempt(side.parse, gold)
    if expected is not None:
        _attempt(side.is_equal, expected, side.parse(side.probe), 0.0)
    return expected


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
