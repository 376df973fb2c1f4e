"""Multiple choice: which options does an answer name? Exactly those, or none.

An answer is taken apart into what it states: options named by letter, text or value, options
rejected ("A is too small"), and remarks. All that it names must be the same, and no remark may
doubt it or bring up an option that it neither names nor rejects.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from sophia.rewards.checkers.reading.numbers import read
from sophia.rewards.checkers.reading.plain_text import without_layout
from sophia.rewards.checkers.reading.quantity import Quantity, Reading, agree
from sophia.rewards.checkers.reading.words import without_lead_in
from sophia.rewards.checkers.verdict import UNPARSED, Gold, Rule, Verdict, verdict_of

if TYPE_CHECKING:
    from sophia.rewards.process.pool import WorkerPool

_ALPHABET = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_MAX_CHARACTERS = 2000
_MAX_PIECES = 100
_BEFORE = " \n*•,:;!?。、\"'`“”—"
_BEHIND = _BEFORE + "."
_MATHS = re.compile(r"\$\$?([^$]*)\$\$?|\\[()\[\]]")
_LETTER = re.compile(r"[(\[{<]?\s*([A-Za-z])\s*[)\]}>]?")
_MARKED = re.compile(
    r"(?:[(\[{]?\s*([A-Za-z])\s*(?:[)\]}][.:,=]?|[.:、])"
    r"|([A-Z])(?:\s*=|\s+[-—]\s|,?(?=\s+(?:because|since|as|for|which|where|due)\b)))"
    r"(?!\s*(?:is|are|was|were|and|or|can|cannot|does|would|could|may|might)\b)(?=\s*\S)"
)
_CONFIRMED = re.compile(
    r"[(\[{]?([A-Za-z])[)\]}]?\s+(?:is|was)\s+(?:the\s+)?(?:correct|right|best|answer)\b"
    r"(?:\s+(?:answer|option|choice|one))?(?=\s*(?:[.,;:!]|because\b|since\b|as\b|$))"
)
_BARE_LABEL = re.compile(r"([A-Z])\s+(\S.*)|(.*\S)\s*\(([A-Z])\)")
_LIST = r"\(?[A-Z]\)?(?:(?:\s*,\s*(?:and\s+)?|\s+(?:and|or|nor)\s+|\s*[/&]\s*)\(?[A-Z]\)?)*"
_REJECTION = re.compile(
    r"(?:(?:because|since|as|and|but|while)\s+)?(?:(?:the\s+)?(?:others?|(?:other\s+)?(?:option|choice|answer)s?)"
    rf"[\s,]*)?(?P<subject>{_LIST})[\s,]*(?:is|are|was|were)\s+(?:(?:all|both|clearly)\s+)?"
    r"(?:wrong|incorrect|false|impossible|too\s+\w+"
    r"|not(?:\s+the)?(?:\s+(?:correct|right|best|true|possible))?(?:\s+(?:answer|option|choice)s?)?)"
    rf"|(?:(?:and|but)\s+)?not\s+(?:options?\s+)?(?P<object>{_LIST})"
)
_ANNOUNCEMENT = re.compile(
    r"\b(?:ans|answer|choice|option)s?\s*(?:is|are|:)\s*:?|(?:答案|选项)\s*[是为:]?|(?<!不)选择?",
    re.IGNORECASE,
)
_PREMISE = re.compile(
    r"(?:because|since|as|given|if|when|with|for)\b([^,\n]*?)(?:,|[.!?;]\s|\n|$)", re.IGNORECASE
)
_SEPARATORS = (
    re.compile(r"\n+|(?<=[.!?;])\s+|[。；]"),
    re.compile(r"[\s,(]+(?=(?:because|since|so|therefore|thus|hence|but)\b)"),
    re.compile(r",\s*"),
)
_LIST_SEPARATOR = re.compile(r"\s*(?:[,;&/]|\band\b)\s*|\s+", re.IGNORECASE)
_DOUBT = re.compile(
    r"\b(?:maybe|perhaps|possibly|unsure|uncertain|wait|actually|sorry|wrong|incorrect|mistaken?"
    r"|(?:all|none|both|any|neither) of (?:the (?:above|options|choices|others)|these|them))\b"
    r"|^not$|[不错或]"
)
_DENIAL = re.compile(r"\b(?:not|never|cannot|false|neither|nor)\b|n't\b")
_ABOUT_THE_ANSWER = re.compile(
    r"\b(?:answer|option|choice|correct|right|true|sure|certain|know|it|this|that)\b"
)
_ALTERNATIVE = re.compile(r"\b(?:or|either|between|instead|rather|except|unless|no)\b")
_STANDING = re.compile(
    r"(?<![A-Za-z0-9'])(?:[B-HJ-Z]|A(?!\s+(?!(?:is|are|was|has|and|or|can|does|would|too|but|also)\b)[a-z]))"
    r"(?![A-Za-z0-9'])"
)
_PLACE = re.compile(r"(?:[∠△⊙]|\\(?:m?angle|triangle|odot)|[Aa]ngle\s)\s*[A-Z]+")
_BARE_VALUE = re.compile(r"[-+(]?\s*[\d.\\]")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_QUOTES = re.compile(r"[\"*`]|(?<![^\W\d_])'|'(?![^\W\d_])")
_OPERATOR = re.compile(r"\s*([-+/^=])\s*")
_GOLD_LABEL = re.compile(r"\s*([A-Z])\s+(?=[A-Z][a-z])")  # "C Cecile"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Statement:
    """What one piece of an answer says about options."""

    kind: Literal["names", "fits", "rejects", "mentions", "doubts"]
    """``fits``: a text or value of all these options; whichever is named must be among them."""
    letters: frozenset[str] = frozenset()


def check_choice(gold: Gold, workers: WorkerPool) -> Rule | None:
    """A rule that scores 1 for the options of the gold, by letter, text or value, else 0.

    Hedges ("A or B"), contradictions ("B. " and another option's text) and letters that are no
    option are unparsed. Without options and letters the texts, or their values, are compared.
    """
    options = _Options(gold)
    label = _GOLD_LABEL.match(gold.text) if not gold.options else None
    text = label[1] if label else gold.text
    expected = options.named(text) or options.in_a_row(text)
    if expected is None:
        return None if gold.options else _text_rule(gold)

    def rule(prediction: str | None) -> Verdict:
        answer = prediction or ""
        named = options.named(answer)
        if named is None and len(expected) > 1:
            named = options.in_a_row(answer)
        return UNPARSED if named is None else verdict_of(named == expected)

    return rule


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


def _text_rule(gold: Gold) -> Rule | None:
    expected, value = _plain(gold.text), read(gold.text)
    if not expected:
        return None

    def rule(prediction: str | None) -> Verdict:
        answer = without_lead_in(prediction or "")
        found = read(answer) if value else None
        if found and value and agree(found, value, tolerance=gold.tolerance):
            return verdict_of(True)
        return verdict_of(_plain(answer) == expected) if _plain(answer) else UNPARSED

    return rule


class _Options:
    """The options of a row, read once, and how they are found in an answer."""

    def __init__(self, gold: Gold) -> None:
        self._letters = frozenset(gold.options) or _ALPHABET
        self._tolerance = gold.tolerance
        self._values: dict[str, Reading] = {}
        self._by_text: dict[str, frozenset[str]] = {}
        self._by_mention: dict[str, frozenset[str]] = {}
        for letter, text in gold.options.items():
            plain = mention = _plain(text)
            if value := read(text):
                self._values[letter] = value
                numbers = _NUMBER.findall(plain)
                mention = numbers[0] if len(numbers) == 1 else plain
            if plain:
                for known, key in ((self._by_text, plain), (self._by_mention, mention)):
                    known[key] = known.get(key, frozenset()) | {letter}
        longest_first = sorted(map(re.escape, self._by_mention), key=len, reverse=True)
        self._mention = re.compile(rf"(?<![\w.])(?:{'|'.join(longest_first) or '(?!)'})(?!\w|\.\d)")

    def named(self, text: str) -> frozenset[str] | None:
        """The options that a text names; None when it names none, hedges or contradicts itself."""
        answer = _MATHS.sub(r" \1 ", without_layout(text)).lstrip(_BEFORE).rstrip(_BEHIND)
        if not answer or len(answer) > _MAX_CHARACTERS:
            return None
        named: frozenset[str] | None = None
        statements = []
        for statement in self._statements(answer):
            if statement.kind == "doubts" or (
                statement.kind == "names" and named not in (None, statement.letters)
            ):
                return None
            named = statement.letters if statement.kind == "names" else named
            statements.append(statement)
        if named is None:
            return None
        agrees = {"names": named.__eq__, "fits": named.issubset, "rejects": named.isdisjoint}
        agrees["mentions"] = named.issuperset
        return named if all(agrees[s.kind](s.letters) for s in statements) else None

    def in_a_row(self, text: str) -> frozenset[str] | None:
        """The options of capitals without blanks ("ACD"), each once; None for any other text."""
        answer = text.strip().strip("()[]{}$. ")
        valid = self._letters if self._by_text else frozenset("ABCDEFGHIJ")
        is_row = len(answer) > 1 and len(set(answer)) == len(answer) and valid.issuperset(answer)
        return frozenset(answer) if is_row else None

    def _statements(self, answer: str) -> Iterator[_Statement]:
        """What the pieces of an answer say, from the first to the last."""
        pending, num_pieces = [answer], 0
        while pending:
            num_pieces += 1
            if num_pieces > _MAX_PIECES:
                yield _Statement(kind="doubts")
                return
            text = pending.pop().lstrip(_BEFORE).rstrip(_BEHIND)
            bare = without_lead_in(text)
            if statement := self._option(text) or self._option(bare):
                yield statement
            elif labelled := self._labelled(bare):
                pending.extend(labelled)
            elif statement := self._said(text) or self._said(bare):
                yield statement
            elif premise := _PREMISE.match(text):
                head = premise[1].strip(" )")
                yield self._value(head) or self._remark(head)
                pending.append(text[premise.end() :])
            elif parts := _split(bare):
                pending.extend(reversed(parts))
            elif text:
                yield self._remark(text)

    def _option(self, text: str) -> _Statement | None:
        """The options whose letters these are, or the one whose whole text this is, if any."""
        if letter := _LETTER.fullmatch(text):
            return self._names(letter[1])
        parts = [part for part in _LIST_SEPARATOR.split(text) if part]
        letters = [match[1] for part in parts if (match := _LETTER.fullmatch(part))]
        if len(parts) > 1 and len(letters) == len(parts) == len(set(letters)):
            return self._names(*letters)
        same = self._by_text.get(_plain(text))
        return (
            _Statement(kind="names" if len(same) == 1 else "fits", letters=same) if same else None
        )

    def _labelled(self, text: str) -> tuple[str, str] | None:
        """What is said beside the letter of an option, and that letter; None without a label."""
        if label := _CONFIRMED.match(text) or _MARKED.match(text):
            letter, beside = label[1] or label[2], text[label.end() :]
        elif label := _BARE_LABEL.fullmatch(text):
            letter, beside = label[1] or label[4], label[2] or label[3]
            if not (self._option(beside) or self._value(beside)):
                return None
        return (beside, letter) if label and letter.upper() in self._letters else None

    def _said(self, text: str) -> _Statement | None:
        """What a text says that is a value or a rejection, if it is one."""
        if value := self._value(text):
            return value if self._standing(text) <= value.letters else _Statement(kind="doubts")
        if rejection := _REJECTION.fullmatch(text):
            rejected = re.findall("[A-Z]", rejection["subject"] or rejection["object"])
            return _Statement(kind="rejects", letters=frozenset(rejected))
        return None

    def _names(self, *letters: str) -> _Statement:
        named = frozenset(letter.upper() for letter in letters)
        return _Statement(kind="names" if named <= self._letters else "doubts", letters=named)

    def _value(self, text: str) -> _Statement | None:
        """The option with this value; a bare value that no option has fits none."""
        value = read(text) if self._values else None
        if value is None:
            return None
        options = frozenset(
            letter
            for letter, option in self._values.items()
            if agree(value, option, tolerance=self._tolerance)
        )
        is_remark = not _BARE_VALUE.match(text) or (isinstance(value, Quantity) and value.nouns)
        if is_remark and not options:
            return None
        return _Statement(kind="names" if len(options) == 1 else "fits", letters=options)

    def _remark(self, text: str) -> _Statement:
        """The options that a remark brings up, or that it doubts what was said."""
        plain = _plain(text)
        letters = self._standing(text)
        for mention in self._mention.findall(plain):
            letters |= self._by_mention[mention]
        plain = self._mention.sub(" ", plain)
        is_denied = _DENIAL.search(plain) and (letters or _ABOUT_THE_ANSWER.search(plain))
        is_open = letters and _ALTERNATIVE.search(plain)
        is_taken_back = self._by_text and plain in ("no", "nope")
        if _DOUBT.search(plain) or is_denied or is_open or is_taken_back:
            return _Statement(kind="doubts")
        return _Statement(kind="mentions", letters=letters)

    def _standing(self, text: str) -> frozenset[str]:
        """The letters of options that stand alone in a text, as no article and no point's name."""
        return self._letters.intersection(_STANDING.findall(_PLACE.sub(" ", text)))


def _split(text: str) -> list[str] | None:
    """The parts around an announcement, or the lines, sentences or clauses; None for one clause."""
    if announcement := _ANNOUNCEMENT.search(text):
        return [text[: announcement.start()], text[announcement.end() :]]
    splits = (separator.split(text) for separator in _SEPARATORS)
    return next((parts for parts in splits if len(parts) > 1), None)


def _plain(text: str) -> str:
    plain = _QUOTES.sub("", _MATHS.sub(r"\1", without_layout(text)).casefold())
    return _OPERATOR.sub(r"\1", " ".join(plain.split())).rstrip(".。 ").strip("() ")
