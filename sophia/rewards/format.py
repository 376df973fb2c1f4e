"""Whether a response has the shape that was asked for."""

from __future__ import annotations

import re
from typing import Literal

_PATTERNS = {
    "strict": re.compile(
        r"\s*<think>(?:(?!</?think>|</?answer>).)*</think>\s*"
        r"<answer>(?:(?!</?think>|</?answer>).)*</answer>\s*",
        re.DOTALL,
    ),
    "release": re.compile(r"<think>(.*?)</think>.*<answer>(.*?)</answer>.*", re.DOTALL),
}


class FormatRule:
    """``strict``: one think and one answer block, nothing outside. ``release``: the release's."""

    def __init__(self, pattern: Literal["strict", "release"] = "strict") -> None:
        self._pattern = _PATTERNS[pattern]

    def __call__(self, text: str) -> bool:
        """Whether the whole text has the format."""
        return self._pattern.fullmatch(text) is not None
