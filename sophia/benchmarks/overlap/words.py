"""A question as its words, so that case, signs and the way options are written do not matter."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

_CHINESE = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_WORD = re.compile(rf"[{_CHINESE}]|[^\W_{_CHINESE}]+|[-+*/=<>^]")
_MARKER = re.compile(r"<image(?: \d+)?>", re.IGNORECASE)
_OPTION_LETTER = re.compile(r"\(?\b[A-J]\b[).:]")

Words = tuple[str, ...]


def words(text: str) -> Words:
    """The words, numbers and signs of arithmetic of a text in their order, in lower case.

    Chinese, Japanese and Korean characters are a word each. Markers of images and letters in front
    of options are left out.
    """
    plain = unicodedata.normalize("NFKC", text).replace("−", "-")
    without = _OPTION_LETTER.sub(" ", _MARKER.sub(" ", plain))
    return tuple(_WORD.findall(without.casefold()))


def wordings(question: str, options: Mapping[str, str]) -> tuple[Words, ...]:
    """The ways a question may stand in another set: alone, and with its options behind it.

    None where there is no text at all, as where the question is written in the image.
    """
    ways = [question]
    if options:
        ways.append(" ".join((question, *options.values())))
    return tuple(found for way in ways if (found := words(way)))


def runs(text: Words, *, length: int) -> frozenset[str]:
    """Every run of ``length`` words; of a shorter text the whole of it is the only one."""
    last = max(len(text) - length, 0)
    return frozenset(" ".join(text[place : place + length]) for place in range(last + 1))


def similarity(first: frozenset[str], second: frozenset[str]) -> float:
    """Of the runs that either text has, the share that both have (Jaccard)."""
    return len(first & second) / len(first | second) if first or second else 0.0
