"""Which of two responses is better."""

from __future__ import annotations

from dataclasses import dataclass

from sophia.benchmarks.item import Item
from sophia.benchmarks.readers.pairs import FIRST, SECOND
from sophia.types import Media

_ASKED = """\
Below are a question and two responses to it. Decide which response is better: the one that agrees \
with what can be seen, answers what was asked, and states nothing false. A tie is not an answer.

Question:
{question}

Response 1:
{first}

Response 2:
{second}

Is response 1 or response 2 better? Give 1 or 2 as your answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairwisePrompt:
    """The images, the question and both responses; the answer is 1 or 2."""

    def __call__(self, item: Item) -> tuple[str | Media, ...]:
        first, second = item.extra[FIRST], item.extra[SECOND]
        return (*item.images, _ASKED.format(question=item.question, first=first, second=second))
