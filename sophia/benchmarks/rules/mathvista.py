"""MathVista: how its authors grade an extracted answer, and how VLMEvalKit does.

Rows carry ``question_type`` (multi_choice or free_form), ``answer_type`` (integer, float, list or
text), ``precision``, and, in VLMEvalKit's file, ``answer_option``, the gold letter.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from rapidfuzz.distance import Levenshtein

from sophia.benchmarks.item import UNPARSED, Graded, Item
from sophia.benchmarks.rules.choice import inferred_letter
from sophia.benchmarks.rules.options import gold_letter, options_of

_BRACKETED = re.compile(r"\(([a-zA-Z])\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class MathVista:
    """The conversions of the authors' ``calculate_score``; the gold answer is a text, as in theirs.

    A choice is named by the first letter in brackets, or by a letter that is all of the answer,
    else it is the one with the nearest text. Integers are ``int(float(answer))``, floats are
    rounded to the row's precision; lists and texts must be equal. An empty answer is unparsed.

    Args:
        nearest: take the choice with the nearest text, by edit distance and the first of equals,
            where no choice is named: right for what a model has extracted. Off, such an answer is
            unparsed, so that a model can be asked about it.
    """

    nearest: bool = True

    def __call__(self, item: Item, answer: str) -> Graded:
        said = answer.strip()
        options = options_of(item)
        if item.extra.get("question_type") == "multi_choice" and options:
            extracted = _named(said, options, nearest=self.nearest)
        else:
            extracted = _converted(item, said)
        if not said or extracted is None:
            return UNPARSED
        return Graded(score=float(extracted == item.answer), extracted=extracted)


@dataclass(frozen=True, slots=True, kw_only=True)
class MathVistaVLMEvalKit:
    """VLMEvalKit's rule, applied to the answer itself: ``can_infer``, ``int``, ``float``.

    All of the answer must be the number, "5.0" is no integer, the precision is not used, and a row
    whose answer is a list or text without choices is never right. Theirs asks a judge before it
    lets 0, or a number that is wrong, stand; this does not, since neither can change.
    """

    def __call__(self, item: Item, answer: str) -> Graded:
        options = options_of(item)
        if item.extra.get("question_type") == "multi_choice" and options:
            letter = inferred_letter(answer, options)
            if letter is None:
                return UNPARSED
            return Graded(score=float(letter == gold_letter(item, options)), extracted=letter)
        kind = _NUMBERS.get(item.extra.get("answer_type", ""))
        if kind is None:
            return Graded(score=0.0, extracted=answer.strip()) if answer.strip() else UNPARSED
        number, expected = _read(kind, answer), _read(kind, item.answer)
        if number is None:
            return UNPARSED
        return Graded(score=float(number == expected), extracted=str(number))


_NUMBERS: Mapping[str, type[int] | type[float]] = {"integer": int, "float": float}


def _read(kind: type[int] | type[float], text: str) -> float | None:
    try:
        return kind(text)
    except ValueError:
        return None


def _named(said: str, options: Mapping[str, str], *, nearest: bool) -> str | None:
    """The text of the choice that is meant."""
    bracketed = _BRACKETED.search(said)
    letter = bracketed[1].upper() if bracketed else said
    if letter in options:
        return options[letter]
    if said in options.values():
        return said
    if not nearest:
        return None
    return min(options.values(), key=lambda text: Levenshtein.distance(letter, text))


def _converted(item: Item, said: str) -> str | None:
    kind = item.extra.get("answer_type")
    try:
        if kind == "integer":
            return str(int(float(said)))
        if kind == "float":
            return str(round(float(said), int(float(item.extra.get("precision", "")))))
    except (ValueError, OverflowError):
        return None
    return said
