"""Where the thinking and the answer stand in a response."""

from __future__ import annotations

import re
from dataclasses import dataclass

THINK_OPEN, THINK_CLOSE = "<think>", "</think>"
ANSWER_OPEN, ANSWER_CLOSE = "<answer>", "</answer>"
_BOX = re.compile(r"\\(?:boxed|fbox)\s*\{")
_OPERATORS = ("-", "+", "*", "/", "^", "{", "}", "!", "%", "°", "\\cdot", "\\times")
_INTRODUCTION = re.compile(
    r"(?:[a-zA-Z]\s*=|:|\b(?:is|are|equals|get|gives(?:\s+us)?)|[是为])[\s$]*$"
)
_JOINT = re.compile(r"[\s$,;&]*(?:(?:\\text\s*\{\s*)?(?:and|or|和|或)\s*\}?[\s$,;]*)?")
_BRACE = re.compile(r"(?<!\\)[{}]")


def extract_answer(text: str) -> str | None:
    """The final answer of a response; None when it gives none.

    Only what follows the last ``</think>`` counts. There, in this order: the last ``<answer>``
    block, the last ``\\boxed{}``, all of the text. A block or box that is opened and not closed,
    and a ``<think>`` that is not closed, leave no answer. Boxes inside an answer block are opened,
    unless numbers stand before them that do not introduce them ("so BC ="); several boxes are
    several answers.
    """
    final = _after_thinking(text)
    if final is None:
        return None
    if ANSWER_OPEN not in final:
        return _unboxed(final) or None
    content, closed, _ = final.rpartition(ANSWER_OPEN)[2].partition(ANSWER_CLOSE)
    if not closed:
        return None
    beside = _BOX.split(content)[0]
    if any(c.isdigit() for c in beside) and not _INTRODUCTION.search(beside):
        return content.strip()
    return _all_boxed(content)


def extract_thinking(text: str) -> str | None:
    """All of the thinking: from the first ``<think>`` to the last ``</think>``; None without it.

    A chat template may have opened the block, so a response may start inside it.
    """
    before, closed, _ = text.rpartition(THINK_CLOSE)
    if not closed:
        return None
    return (before.partition(THINK_OPEN)[2] if THINK_OPEN in before else before).strip()


def first_answer(text: str) -> str | None:
    """The content of the first answer block, wherever it stands; None when there is none."""
    _, opened, rest = text.partition(ANSWER_OPEN)
    content, closed, _ = rest.partition(ANSWER_CLOSE)
    return content.strip() if opened and closed else None


def gold_text(answer: str) -> str:
    """A data set's gold answer without the tag that some rows carry; the boxed part(s), if any."""
    content = first_answer(answer)
    text = answer if content is None else content
    return _all_boxed(text) or text.strip()


def last_boxed(text: str) -> str | None:
    """The content of the last ``\\boxed{}``; None without one, "" when it is not closed.

    Boxes side by side ("\\boxed{8} and \\boxed{21}") are one answer with commas. A box inside a box
    counts when the outer box holds nothing else; otherwise the content is "".
    """
    boxes = _boxes(text)
    first = len(boxes) - 1
    while first > 0 and _JOINT.fullmatch(text, boxes[first - 1].end, boxes[first].start):
        first -= 1
    return ", ".join(box.content for box in boxes[first:]) if boxes else None


def is_one_box(text: str) -> bool:
    """Whether the text is one ``\\boxed{}``, closed, and nothing beside it."""
    box = _BOX.match(text)
    return box is not None and _closing_brace(text, box.end()) == len(text) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Box:
    start: int
    end: int
    content: str


def _boxes(text: str) -> list[_Box]:
    """All outermost boxes, in one pass; the content is "" of one that is not closed."""
    boxes, position = [], 0
    while match := _BOX.search(text, position):
        brace = _closing_brace(text, match.end())
        position = len(text) if brace is None else brace + 1
        content = "" if brace is None else _opened(text[match.end() : brace].strip())
        boxes.append(_Box(start=match.start(), end=position, content=content))
    return boxes


def _opened(content: str) -> str:
    """What a box holds, itself perhaps in a box; "" where a box stands beside something else."""
    while inner := _BOX.match(content):
        if _closing_brace(content, inner.end()) != len(content) - 1:
            break
        content = content[inner.end() : -1].strip()
    return "" if _BOX.search(content) else content


def _closing_brace(text: str, begin: int) -> int | None:
    depth = 1
    for match in _BRACE.finditer(text, begin):
        depth += 1 if match[0] == "{" else -1
        if depth == 0:
            return match.start()
    return None


def _after_thinking(text: str) -> str | None:
    final = text.rpartition(THINK_CLOSE)[2]
    return None if THINK_OPEN in final else final


def _unboxed(text: str) -> str:
    boxed = last_boxed(text)
    return text.strip() if boxed is None else boxed


def _all_boxed(text: str) -> str:
    """What the boxes of a text hold, with commas; all of it around a box that is part of a term."""
    boxes = _boxes(text)
    if len(boxes) == 1 and boxes[0].content:
        before, after = text[: boxes[0].start].strip(), text[boxes[0].end :].strip()
        if before.endswith(_OPERATORS) or after.startswith(_OPERATORS):
            return f"{before}{boxes[0].content}{after}"
    return ", ".join(box.content for box in boxes) if boxes else text.strip()
