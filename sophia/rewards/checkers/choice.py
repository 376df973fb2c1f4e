"""Multiple choice: which options does an answer name? Exactly those, or none."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from sophia.rewards.checkers.reading.plain_text import without_layout
from sophia.rewards.checkers.reading.words import without_lead_in
from sophia.rewards.checkers.verdict import UNPARSED, Gold, Rule, Verdict, verdict_of

if TYPE_CHECKING:
    from sophia.rewards.process.pool import WorkerPool

_ALPHABET = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_MAX_CHARACTERS = 2000
_TAKING_BACK = frozenset(
    (
        "or",
        "either",
        "between",
        "maybe",
        "perhaps",
        "possibly",
        "incorrect",
        "wrong",
        "false",
        "not",
    )
)
_LETTER = re.compile(r"[(\[{]?\s*([A-Za-z])\s*[)\]}]?")
_LABELLED = re.compile(
    r"[(\[{]?\s*([A-Za-z])\s*(?:[)\]}][.:,]?|[.:,])\s*(?=\S)(?P<text>.*)", re.DOTALL
)
_CONFIRMED = re.compile(
    r"([(\[{]?\s*[A-Za-z]\s*[)\]}]?)\s+(?:is|was)\s+(?:the\s+)?(?:correct|right|best)\b.*",
    re.DOTALL,
)
_EXPLAINED = re.compile(r"([A-Za-z])\s*,?\s+(?:because|since|as|for)\b(?P<text>.*)", re.DOTALL)
_ANNOUNCEMENT = re.compile(
    r"^[^.!?]{0,120}\b(?:answer|choice|option)\s*(?:is|:)\s*:?", re.IGNORECASE | re.DOTALL
)
_GOLD_LABEL = re.compile(r"\s*([A-Z])\s+(?=[A-Z][a-z])")  # "C Cecile"
_SEPARATOR = re.compile(r"\s*(?:[,;&/]|\band\b)\s*|\s+", re.IGNORECASE)


def check_choice(gold: Gold, workers: WorkerPool) -> Rule | None:
    """A rule that scores 1 for the options of the gold, by letter, text or both, else 0.

    Hedges ("A or B"), contradictions ("B. " and another option's text) and letters that are no
    option are unparsed. Without options and letters the texts are compared.
    """
    label = _GOLD_LABEL.match(gold.text) if not gold.options else None
    text = label[1] if label else gold.text
    expected = _letters(text, gold.options) or _letters_in_a_row(text, gold.options)
    if expected is None:
        return _text_rule(gold)

    def rule(prediction: str | None) -> Verdict:
        answer = prediction or ""
        named = _letters(answer, gold.options)
        if named is None and len(expected) > 1:
            named = _letters_in_a_row(answer, gold.options)
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
    expected = _plain(gold.text)
    if gold.options or not expected:
        return None

    def rule(prediction: str | None) -> Verdict:
        answer = _plain(prediction or "")
        return verdict_of(answer == expected) if answer else UNPARSED

    return rule


def _letters(text: str, options: Mapping[str, str]) -> frozenset[str] | None:
    """The options that a text names; None when it names none, hedges or contradicts itself."""
    answer = without_layout(text).replace("$", "").strip().strip("\"'*`").strip()
    if not answer or len(answer) > _MAX_CHARACTERS:
        return None
    for candidate in dict.fromkeys((answer, _without_lead_in(answer))):
        named = _named(candidate.rstrip(".:!。 "), options)
        if named is not None:
            return named
    return None


def _named(answer: str, options: Mapping[str, str]) -> frozenset[str] | None:
    valid = frozenset(options) or _ALPHABET
    if letter := _LETTER.fullmatch(answer):
        return _valid({letter[1]}, valid)
    if matches := _with_text(answer, options):
        return matches if len(matches) == 1 else None
    if confirmed := _CONFIRMED.fullmatch(answer):
        return _named(confirmed[1], options) if not _hedges(answer[1:], valid, options) else None
    if listed := _listed(answer, valid):
        return listed
    if labelled := _LABELLED.fullmatch(answer) or _EXPLAINED.fullmatch(answer):
        return _labelled(labelled[1], labelled["text"], options)
    return _bare_label(answer, options)


def _listed(answer: str, valid: frozenset[str]) -> frozenset[str] | None:
    """The options of an answer that is several letters ("A, C and D"), each once; else None."""
    parts = [part for part in _SEPARATOR.split(answer) if part]
    letters = [match[1].upper() for part in parts if (match := _LETTER.fullmatch(part))]
    if len(parts) < 2 or len(letters) != len(parts) or len(set(letters)) != len(letters):
        return None
    return _valid(letters, valid)


def _labelled(letter: str, text: str, options: Mapping[str, str]) -> frozenset[str] | None:
    """The option of a letter whose text is its own or names no other option; else None."""
    named = _valid({letter}, frozenset(options) or _ALPHABET)
    if named is None:
        return None
    matches = _with_text(text, options)
    if matches:
        return named if named <= matches else None
    others = frozenset(options) - named or _ALPHABET - named
    rest = {name: option for name, option in options.items() if name not in named}
    return None if _hedges(text, others, rest) else named


def _bare_label(answer: str, options: Mapping[str, str]) -> frozenset[str] | None:
    """The option of an unmarked letter, as in "B some text", if the text is B's; else None."""
    head, _, text = answer.partition(" ")
    letter = _LETTER.fullmatch(head)
    matches = _with_text(text, options)
    return matches if letter and matches == frozenset({letter[1].upper()}) else None


def _letters_in_a_row(text: str, options: Mapping[str, str]) -> frozenset[str] | None:
    """The options of capitals without blanks ("ACD"), each once; None for any other text."""
    answer = text.strip().strip("()[]{}$. ")
    if not 2 <= len(answer) <= len(_ALPHABET) or len(set(answer)) != len(answer):
        return None
    return (
        _valid(answer, frozenset(options) or frozenset("ABCDEFGHIJ")) if answer.isupper() else None
    )


def _hedges(text: str, others: frozenset[str], options: Mapping[str, str]) -> bool:
    """Whether an explanation names another option, or takes back what it explains."""
    words = set(re.findall(r"[^\W\d_]+(?:'[a-z]+)?", text))
    standing_letters = {word for word in words if word in others and word not in ("A", "I")}
    a_as_letter = "A" in others and re.search(r"\bA\b(?!\s+[a-z])", text)
    plain = f" {_plain(text)} "
    named = any(f" {_plain(option)} " in plain for option in options.values() if _plain(option))
    takes_back = {word.lower() for word in words} & _TAKING_BACK
    return bool(standing_letters or a_as_letter or named or takes_back)


def _with_text(text: str, options: Mapping[str, str]) -> frozenset[str]:
    wanted = _plain(text)
    return frozenset(letter for letter, option in options.items() if wanted == _plain(option))


def _valid(letters: Sequence[str] | set[str], valid: frozenset[str]) -> frozenset[str] | None:
    named = frozenset(letter.upper() for letter in letters)
    return named if named and named <= valid else None


def _without_lead_in(text: str) -> str:
    return without_lead_in(_ANNOUNCEMENT.sub("", text))


def _plain(text: str) -> str:
    plain = without_layout(text).replace("$", "").casefold()
    return " ".join(re.sub(r"[\"'*`]", "", plain).split()).rstrip(".。 ").strip("() ")
