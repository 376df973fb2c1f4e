"""VLMEvalKit's prompt for multiple choice."""

from __future__ import annotations

from dataclasses import dataclass

from sophia.benchmarks.item import Item
from sophia.types import Media


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoicePrompt:
    """The images, the hint, the question and the options, one to a line; then what to do.

    Args:
        closing: what stands behind the options; a question without options has none.
        with_hint: whether the row's hint is shown.
    """

    closing: str = "Please select the correct answer from the options above. \n"
    with_hint: bool = True

    def __call__(self, item: Item) -> tuple[str | Media, ...]:
        hint = f"Hint: {item.hint}\n" if item.hint and self.with_hint else ""
        listed = "".join(f"{letter}. {text}\n" for letter, text in item.options.items())
        options = f"Options:\n{listed}{self.closing}" if item.options else ""
        return (*item.images, f"{hint}Question: {item.question}\n{options}")
