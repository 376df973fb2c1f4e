"""Which option an answer names: VLMEvalKit's ``can_infer`` without a judge (``exact_matching``)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from string import ascii_uppercase

from sophia.benchmarks.item import UNPARSED, Graded, Item

_REFUSALS = (
    "Sorry, I can't help with images of people yet.",
    "I can't process this file.",
    "I'm sorry, but without the image provided",
    "Cannot determine the answer",
)
_API_FAILURE = "Failed to obtain answer via API"
_PUNCTUATION = str.maketrans(dict.fromkeys(".()[],:;!*#{}", " "))
_LAST_WORDS = 4
_STATED = re.compile(r"answer\s+is\s+\**([A-D])", re.IGNORECASE)
_NONE = "Z"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Right is the letter that ``can_infer`` finds; where it finds none, the answer is unparsed.

    The gold answer is compared as the file has it. A refusal counts as the answer Z, which is read
    and wrong. VLMEvalKit with a judge draws a random option where that fails; this never does.

    Args:
        stated: also read "the answer is B" anywhere in the text, as VLMEvalKit's source does since
            its release 0.0.20, which does not; letters A to D, in either case.
    """

    stated: bool = True

    def __call__(self, item: Item, answer: str) -> Graded:
        letter = inferred_letter(answer, item.options, stated=self.stated)
        if letter is None:
            return UNPARSED
        return Graded(score=float(letter == item.answer), extracted=letter)


@dataclass(frozen=True, slots=True, kw_only=True)
class MMMUChoice:
    """``Choice`` after VLMEvalKit's ``MMMU_preproc``: an open question becomes one of two options.

    A is then the gold text and B "Other Answers", and A is right. So the mere letter "A" is right
    for every open question, and so is any short answer that contains the gold text.

    Args:
        stated: as for ``Choice``.
    """

    stated: bool = True

    def __call__(self, item: Item, answer: str) -> Graded:
        options = dict(item.options)
        if "A" not in options:
            options = {"A": item.answer, **options, "B": "Other Answers"}
        is_letter = len(item.answer) == 1 and item.answer in ascii_uppercase
        closed = replace(item, options=options, answer=item.answer if is_letter else "A")
        return Choice(stated=self.stated)(closed, answer)


def inferred_letter(answer: str, options: Mapping[str, str], *, stated: bool = True) -> str | None:
    """The letter that an answer names, by the letter or else by its text; Z for a refusal.

    A letter counts where it is the only one that stands alone, and first stands among the last
    four words; a text where it is the only one that occurs, in an answer that is at most twice as
    long as all options together. None where neither does.
    """
    return _by_letter(answer, options, stated=stated) or _by_text(answer, options)


def _by_letter(answer: str, options: Mapping[str, str], *, stated: bool) -> str | None:
    if _API_FAILURE in answer:
        return None
    if any(refusal in answer for refusal in _REFUSALS):
        return _NONE
    words = answer.translate(_PUNCTUATION).split()
    named = {*options} & {*words}
    if len(named) == 1:
        (letter,) = named
        if words.index(letter) >= len(words) - _LAST_WORDS:
            return letter
    elif not named and _NONE in words:
        return _NONE
    found = _STATED.search(answer) if stated else None
    return found[1].upper() if found and found[1].upper() in options else None


def _by_text(answer: str, options: Mapping[str, str]) -> str | None:
    said = answer.lower()
    if len(said) > 2 * sum(map(len, options.values())):
        return None
    named = [letter for letter, text in options.items() if text.lower() in said]
    return named[0] if len(named) == 1 else None
