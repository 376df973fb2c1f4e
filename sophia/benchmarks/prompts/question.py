"""The question as the file has it."""

from __future__ import annotations

from dataclasses import dataclass

from sophia.benchmarks.item import Item
from sophia.types import Media


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionPrompt:
    """The images, then the question, then a suffix.

    Args:
        column: the extra column that is asked in place of the question, where a row has it; such
            columns hold the question as its authors want it put to a model.
        suffix: what stands behind it, line break included.
    """

    column: str = ""
    suffix: str = ""

    def __call__(self, item: Item) -> tuple[str | Media, ...]:
        return (*item.images, item.extra.get(self.column, item.question) + self.suffix)
