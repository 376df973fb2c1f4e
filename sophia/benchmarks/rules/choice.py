"""Which option an answer names, as VLMEvalKit infers it without a judge (``can_infer``)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from sophia.benchmarks.item import UNPARSED, Graded, Item

_REFUSALS = (
    "Sorry, I can't help with images of people yet.",
    "I can't process this file.",
    "I'm sorry, but without the image provided",
    "Cannot determine the answer",
)
_PUNCTUATION = str.maketrans(dict.fromkeys(".()[],:;!*#{}", " "))
_LAST_WORDS = 5
_BOLD = re.compile(r"(?:correct )?answer is \*\*([A-D])\*\*", re.IGNORECASE)
_NONE = "Z"


def choice(item: Item, answer: str) -> Graded:
    """The official rule of choices, without a judge: what is not inferred is wrong."""
    letter = inferred_letter(answer, item.options)
    if letter is None or letter == _NONE:
        return UNPARSED
    return Graded(right=letter == item.answer.strip(), extracted=letter)


def inferred_letter(answer: str, options: Mapping[str, str]) -> str | None:
    """The letter that an answer names, by the letter or by its text; None for none or several."""
    return _by_letter(answer, options) or _by_text(answer, options)


def _by_letter(answer: str, options: Mapping[str, str]) -> str | None:
    if any(refusal in answer for refusal in _REFUSALS):
        return _NONE
    words = answer.translate(_PUNCTUATION).split()
    named = [letter for letter in options if letter in words]
    if len(named) == 1 and named[0] in words[-_LAST_WORDS:]:
        return named[0]
    if not named and _NONE in words:
        return _NONE
    bold = _BOLD.search(answer)
    return bold[1].upper() if bold and bold[1].upper() in options else None


def _by_text(answer: str, options: Mapping[str, str]) -> str | None:
    if len(answer) > 2 * sum(map(len, options.values())):
        return None
    said = answer.lower()
    named = [letter for letter, text in options.items() if text.lower() in said]
    return named[0] if len(named) == 1 else None
