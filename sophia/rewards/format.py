"""Whether a response has the shape that was asked for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Literal

from sophia.rewards.tags import (
    ANSWER_CLOSE,
    ANSWER_OPEN,
    THINK_CLOSE,
    THINK_OPEN,
    is_one_box,
)

ResponseFormat = Callable[[str], bool]
"""Says of the whole text of a response whether it has the format that was asked for."""

_NAME = re.compile(r"[A-Za-z0-9_]+")
_ANSWER = "answer"

# Tags are searched for, not matched by a regular expression: a response that repeats a tag ten
# thousand times costs one pass, never a backtrack.


class FormatRule:
    """One block of each tag, in order, then the final answer, and nothing outside of them.

    Blanks around the whole do not matter. What stands inside a block is free, but for these tags.

    Args:
        blocks: the tags of the blocks before the answer: ``("think",)`` asks for one
            ``<think>...</think>``.
        final: what the response ends with. ``answer``: one ``<answer>...</answer>``. ``boxed``: one
            ``\\boxed{...}``.
        gap: what may stand between them. ``blank``: spaces and line breaks. ``none``: nothing.
    """

    def __init__(
        self,
        *,
        blocks: Sequence[str] = ("think",),
        final: Literal["answer", "boxed"] = "answer",
        gap: Literal["blank", "none"] = "blank",
    ) -> None:
        _check_names(blocks)
        names = [*blocks, _ANSWER] if final == "answer" else list(blocks)
        self._tags = [tag for name in names for tag in (f"<{name}>", f"</{name}>")]
        self._ends_in_box = final == "boxed"
        self._blank_gap = gap == "blank"

    def __call__(self, text: str) -> bool:
        """Whether the whole text has the format."""
        stripped = text.strip()
        if any(stripped.count(tag) != 1 for tag in self._tags):
            return False
        places = [stripped.find(tag) for tag in self._tags]
        if places != sorted(places):
            return False
        gaps = [self._bare(gap) for gap in self._between(stripped, places)]
        last = gaps.pop()
        return not any(gaps) and (is_one_box(last) if self._ends_in_box else not last)

    def _between(self, text: str, places: Sequence[int]) -> Iterator[str]:
        """What stands before the first block, between blocks and behind the last."""
        end = 0
        for start, close in zip(places[::2], range(1, len(places), 2), strict=True):
            yield text[end:start]
            end = places[close] + len(self._tags[close])
        yield text[end:]

    def _bare(self, gap: str) -> str:
        return gap.strip() if self._blank_gap else gap


class ReleaseFormat:
    """The pattern of the authors' release: ``<think>(.*?)</think>.*<answer>(.*?)</answer>.*``.

    Anything may stand between and behind the blocks, tags included.
    """

    def __call__(self, text: str) -> bool:
        """Whether the pattern matches all of the text."""
        if not text.startswith(THINK_OPEN):
            return False
        _, closed, rest = text.removeprefix(THINK_OPEN).partition(THINK_CLOSE)
        _, opened, content = rest.partition(ANSWER_OPEN)
        return bool(closed and opened) and ANSWER_CLOSE in content


def _check_names(blocks: Sequence[str]) -> None:
    if isinstance(blocks, str):
        raise ValueError(f"format blocks are {blocks!r}; give a list of tag names: [{blocks}].")
    for place, name in enumerate(blocks):
        if not _NAME.fullmatch(name):
            raise ValueError(
                f"format block {name!r} is no tag name: letters, digits and _ only, without < and"
                " >."
            )
        if name == _ANSWER:
            raise ValueError(
                f"format block {name!r} is the final answer, which is no block: final=answer asks"
                " for it."
            )
        if name in blocks[:place]:
            raise ValueError(f"format block {name!r} is there twice; each tag has one block.")
