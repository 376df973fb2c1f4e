"""Whether a response has the shape that was asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from sophia.rewards.tags import ANSWER_CLOSE, ANSWER_OPEN, THINK_CLOSE, THINK_OPEN

# Tags are searched for, not matched by a regular expression: a response that repeats a tag ten
# thousand times costs one pass, never a backtrack.


def is_strict(text: str) -> bool:
    """Whether there is one think block, then one answer block, and only blanks outside of them."""
    stripped = text.strip()
    if any(stripped.count(t) != 1 for t in (THINK_OPEN, THINK_CLOSE, ANSWER_OPEN, ANSWER_CLOSE)):
        return False
    between = stripped.partition(THINK_CLOSE)[2].partition(ANSWER_OPEN)[0]
    order = [stripped.find(t) for t in (THINK_OPEN, THINK_CLOSE, ANSWER_OPEN, ANSWER_CLOSE)]
    outside = stripped.startswith(THINK_OPEN) and stripped.endswith(ANSWER_CLOSE)
    return outside and order == sorted(order) and not between.strip()


def is_release(text: str) -> bool:
    """Whether the release's ``<think>(.*?)</think>.*<answer>(.*?)</answer>.*`` matches all of it.

    Anything may stand between and after the blocks, tags included.
    """
    if not text.startswith(THINK_OPEN):
        return False
    _, closed, rest = text.removeprefix(THINK_OPEN).partition(THINK_CLOSE)
    _, opened, content = rest.partition(ANSWER_OPEN)
    return bool(closed and opened) and ANSWER_CLOSE in content


_PATTERNS: dict[str, Callable[[str], bool]] = {"strict": is_strict, "release": is_release}


class FormatRule:
    """Whether a response has the format that was asked for.

    Args:
        pattern: ``strict``: one think block, then one answer block, nothing outside of them;
            ``release``: the pattern of the authors' release, which allows more.
    """

    def __init__(self, pattern: Literal["strict", "release"] = "strict") -> None:
        if pattern not in _PATTERNS:
            raise ValueError(f"format pattern {pattern!r}; known are {sorted(_PATTERNS)}.")
        self._matches = _PATTERNS[pattern]

    def __call__(self, text: str) -> bool:
        """Whether the whole text has the format."""
        return self._matches(text)
