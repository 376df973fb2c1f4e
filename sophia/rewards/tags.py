"""Where the thinking and the answer stand in a response."""

from __future__ import annotations

import re

_ANSWER = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)
_THINK = re.compile(r"<think>(.*?)</think>", re.DOTALL)


def extract_answer(text: str) -> str | None:
    """The last answer after the last ``</think>``; None when there is none."""
    if "<think>" in text and "</think>" not in text:
        return None
    matches = _ANSWER.findall(text.rpartition("</think>")[2])
    return matches[-1].strip() if matches else None


def extract_thinking(text: str) -> str | None:
    """The content of the last think block; None when there is none."""
    matches = _THINK.findall(text)
    return matches[-1].strip() if matches else None
