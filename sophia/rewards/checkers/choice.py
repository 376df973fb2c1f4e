"""Multiple choice: which options does an answer name? Exactly those, or none.

An answer is read in pieces: letters ("B", "A and C"), the text or value of an option, and remarks.
All letters, texts and values must mean the same options, and no remark may doubt them or bring up
another option, unless it is only to reject that ("A is too small").
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from sophia.rewards.checkers.reading.numbers import read
from sophia.rewards.checkers.reading.plain_text import without_layout
from sophia.rewards.checkers.reading.quantity import agree
from sophia.rewards.checkers.reading.words import without_lead_in
from sophia.rewards.checkers.verdict import UNPARSED, Gold, Rule, Verdict, verdict_of

if TYPE_CHECKING:
    from sophia.rewards.process.pool import WorkerPool

_MAX_CHARACTERS = 2000
_MAX_PIECES = 40
_ALPHABET = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_WITHOUT_OPTIONS = frozenset("ABCDEFGHIJ")
_PUNCTUATION = " \n*•,:;!?。、\"'`“”—"
_BETWEEN_LETTERS = ("and", ",", ";", "&", "/", "(", ")", "[", "]", "{", "}")
_DOUBT = (
    "or either neither nor none if unless except instead rather whether maybe perhaps possibly"
    " could might unsure uncertain unclear unknown wait actually sorry wrong incorrect false"
    " mistake mistaken"
)
_DENIAL = "no not never cannot can't don't isn't doesn't all any both"
_ABOUT_THE_ANSWER = (
    "answer option options choice choices correct right true sure certain know it it's this that"
    " that's these them above others"
)
_MATHS = re.compile(r"\$\$?([^$]*)\$\$?|\\[()\[\]]")
_TOKEN = re.compile(r"\d+(?:\.\d+)?|[^\W\d_]+(?:'[a-z]+)?|[^\w\s]|_")
_LABEL = re.compile(
    r"[(\[{<]?([A-Za-z])(\s*[)\]}>.:、]+[.:,=]?|(?<=[A-Z])\s*=|\s+[-—]\s"
    r"|\s+is\s+(?:the\s+)?(?:correct|right|best|answer)\b|\s+)"
)
_LIST = r"(?<!\w)\(?[A-Z]\)?(?:(?:\s*,\s*(?:and\s+)?|\s+(?:and|or|nor)\s+)\(?[A-Z]\)?)*"
_REJECTION = re.compile(
    rf"({_LIST}),?\s+(?:is|are)\s+(?:wrong|incorrect|too\s+\w+|not\s+(?:correct|right))\b"
    rf"|,\s*(?:and\s+)?not\s+({_LIST})(?=\s*(?:[.,;]|$))"
)
_BREAK = re.compile(
    r"\n+|(?<=[.!?;:])\s+|。|,\s*|\s+(?=(?:because|since|as|so|which)\b)"
    r"|\b(?:answer|choice|option)s?\s*(?:is|are|:)\s*|答案\s*[是为:]?|(?<!不)选项?",
    re.IGNORECASE,
)
_STANDING = re.compile(  # no article ("A line"), no pronoun ("I see") and no name of a point
    r"(?<![A-Za-z0-9'∠△])(?<!ngle )"
    r"(?:[B-HJ-Z]|[AI](?!\s(?!(?:is|was|has|and|or|can|does|too|but|also)\b)[a-z]))(?![A-Za-z0-9'])"
)


def check_choice(gold: Gold, workers: WorkerPool) -> Rule | None:
    """A rule that scores 1 for the options of the gold, by letter, text or value, else 0.

    Hedges ("A or B"), contradictions ("B. " and another option's text) and letters that are no
    option are unparsed. Without options and letters the texts are compared.
    """
    options = _Options(gold)
    head, _, tail = gold.text.partition(" ")
    is_labelled = not gold.options and head in _ALPHABET and tail[:1] < "a" and tail[1:2].islower()
    expected = options.named(head if is_labelled else gold.text)  # "C Cecile" means C
    if expected is None and gold.options:
        return None
    wanted = expected or _plain(gold.text)

    def rule(prediction: str | None) -> Verdict:
        found = (options.named if expected else _plain)(prediction or "")
        return verdict_of(found == wanted) if found else UNPARSED

    return rule if wanted else None


def as_options(options: Mapping[str, str] | Sequence[str] | None) -> dict[str, str]:
    """The text of each option by its letter; a list gets A, B, C, ...

    The texts of a list may begin with their own letter ("A. cat"), which is removed.
    """
    if isinstance(options, Mapping):
        return {letter.strip().strip("().").upper(): text for letter, text in options.items()}
    letters = (chr(ord("A") + position) for position in range(len(options or ())))
    return {
        letter: re.sub(rf"^\s*\(?{letter}\s*[).:]\s*", "", text)
        for letter, text in zip(letters, options or (), strict=True)
    }


class _Options:
    """The options of a row, read once, and how they are found in an answer."""

    def __init__(self, gold: Gold) -> None:
        self._letters = frozenset(gold.options) or _WITHOUT_OPTIONS
        self._agree = partial(agree, tolerance=gold.tolerance)
        self._texts = {letter: _plain(text) or "(empty)" for letter, text in gold.options.items()}
        values = ((letter, read(text)) for letter, text in gold.options.items())
        self._values = {letter: value for letter, value in values if value}

    def named(self, text: str) -> frozenset[str] | None:
        """The options that a text names; None when it names none, hedges or contradicts itself."""
        if len(text) > _MAX_CHARACTERS:
            return None
        answer = _MATHS.sub(r" \1 ", without_layout(text))
        rejected = "".join(match[1] or match[2] for match in _REJECTION.finditer(answer))
        pieces = [*islice(self._pieces(_REJECTION.sub(", ", answer)), _MAX_PIECES)]
        meanings = {piece: self._meaning(piece) for piece in pieces}
        remarks = [piece for piece, meaning in meanings.items() if meaning is None]
        different = {meaning for meaning in meanings.values() if meaning is not None}
        if len(different) != 1 or frozenset() in different or len(pieces) == _MAX_PIECES:
            return None
        named = different.pop()
        is_possible = named <= self._letters.difference(rejected)
        is_disturbed = any(self._is_disturbed(remark, named) for remark in remarks)
        return named if is_possible and not is_disturbed else None

    def _pieces(self, text: str) -> Iterator[str]:
        """The text if it is an option; else its label or first clause, then what is behind that."""
        while text := text.lstrip(_PUNCTUATION).rstrip(_PUNCTUATION + "."):
            bare = without_lead_in(text)
            label = _LABEL.match(bare)
            if self._meaning(text) is not None:
                piece, text = text, ""
            elif label and (label[2].strip(" =") or self._meaning(bare[label.end() :])):
                piece, text = label[1], bare[label.end() :]
            else:
                found = _BREAK.search(text)
                end = found.end() if found else len(text)
                piece, text = text[:end], text[end:]
            yield piece.rstrip(_PUNCTUATION + ".")

    def _meaning(self, piece: str) -> frozenset[str] | None:
        """The options with these letters, this text or this value; None for a remark.

        A bare number that no option has, and a value in doubt or beside another letter, mean none.
        """
        text = without_lead_in(piece).strip("()[]{}<>. ")
        tokens = [token.upper() for token in _TOKEN.findall(text) if token not in _BETWEEN_LETTERS]
        if tokens and _ALPHABET.issuperset(tokens):
            return frozenset(tokens)
        plain = _plain(piece)
        if same := frozenset(letter for letter, own in self._texts.items() if own == plain):
            return same
        if self._letters.issuperset(text) and 0 < len({*text}) == len(text):  # "ACD"
            return frozenset(text)
        value = read(piece) if self._values else None
        if value is None:
            return None
        fitting = frozenset(x for x, option in self._values.items() if self._agree(value, option))
        is_doubted = not {*_DOUBT.split()}.isdisjoint(_tokens(piece).split())
        if fitting and fitting.issuperset(self._standing(piece)) and not is_doubted:
            return fitting
        return frozenset() if fitting or piece[0] in "+-(.\\0123456789" else None

    def _is_disturbed(self, remark: str, named: frozenset[str]) -> bool:
        """Whether a remark doubts what is named or brings up another option."""
        said = f" {_tokens(remark)} "
        for letter in named & self._texts.keys():
            said = said.replace(f" {self._texts[letter]} ", " ")
        words, others = {*said.split()}, [self._texts[x] for x in self._texts.keys() - named]
        numbers = {word for text in others for word in text.split() if word[0].isdigit()}
        is_denied = words.intersection(_DENIAL.split()) and (
            words.intersection(_ABOUT_THE_ANSWER.split()) or said.endswith((" not ", "n't "))
        )
        return bool(
            words & numbers.union(_DOUBT.split())
            or is_denied
            or (said == " no " and others)
            or any(sign in remark for sign in "不错或")
            or self._standing(remark) - named
            or any(f" {text} " in said for text in others)
        )

    def _standing(self, text: str) -> frozenset[str]:
        """The letters of options that stand alone in a text."""
        return self._letters.intersection(_STANDING.findall(text))


def _tokens(text: str) -> str:
    """The words, numbers and signs of a text without layout, one blank between any two."""
    plain = _MATHS.sub(r" \1 ", without_layout(text)).casefold()
    return " ".join(token for token in _TOKEN.findall(plain) if token not in '"*`')


def _plain(text: str) -> str:
    """What is compared when texts of options are: without lead-in, outer brackets and full stop."""
    return _tokens(without_lead_in(without_layout(text))).strip(" ()'").rstrip(" .。")
