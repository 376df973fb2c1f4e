"""Mathematical answers: numbers here and now, all else in a process that can be killed."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from sophia.rewards.checkers.choice import check_choice
from sophia.rewards.checkers.reading.closed_form import as_latex
from sophia.rewards.checkers.reading.expression import (
    MAX_CHARACTERS,
    expression,
    is_nameable,
    is_prose,
    needs_algebra,
    parts_to_agree,
    split_trailing_unit,
    unwrapped,
    without_definitions,
)
from sophia.rewards.checkers.reading.numbers import read
from sophia.rewards.checkers.reading.plain_text import without_layout
from sophia.rewards.checkers.reading.quantity import Group, Quantity, Reading, agree
from sophia.rewards.checkers.reading.words import are_harmless, subject, without_lead_in
from sophia.rewards.checkers.verdict import (
    RIGHT,
    UNPARSED,
    UNSCORED,
    WRONG,
    Gold,
    Rule,
    Verdict,
    verdict_of,
)

if TYPE_CHECKING:
    from sophia.rewards.process.pool import WorkerPool

_TIME = re.compile(
    r"(?P<hour>[0-9]{1,2})(?::(?P<minute>[0-5][0-9])(?::(?P<second>[0-5][0-9]))?)?"
    r"\s*(?P<half>[ap]\.?\s?m\.?)?",
    re.IGNORECASE,
)
_BASED = re.compile(r"([0-9A-Za-z]+)\s*_\s*\{?\s*([0-9]{1,2})\s*\}?")
_AS_WRITTEN = re.compile(
    r"[0-9]+(?:\s*-\s*[0-9]+)+|[0-9]+(?:\.[0-9]+){2,}|[0-9]+(?:/[0-9]+){2,}|[0-9]+(?:\s*:\s*[0-9]+)+"
    r"|[0-9]+(?:\s*(?:[*xX]|\\times)\s*[0-9]+)+"
)
_RATIO = re.compile(r"([0-9]+)\s*:\s*([0-9]+)")
_STATEMENT = re.compile(r"(.*\b(?:is|are|was|were|has|have)\s|.*:)\s*(.+)", re.DOTALL)
_DELIMITERS = re.compile(r"\\?\$|\\[()\[\]]")


def check_math(gold: Gold, workers: WorkerPool) -> Rule | None:
    """A rule that scores 1 when the prediction equals the gold as mathematics, else 0.

    A word is compared as a word; times of day, numbers in another base, and scores, dates, ratios
    and products of whole numbers by what is written. Rows of this type may also hide a choice. None
    for a gold that is a sentence or no expression. A text of more than 1,000 characters answers
    nothing.
    """
    letters = unwrapped(gold.text)
    if re.fullmatch("[A-H]", letters):
        return check_choice(gold, workers)
    rule = _rule(gold, workers, letters)
    return rule and (lambda answer: rule(None if len(answer or "") > MAX_CHARACTERS else answer))


def _rule(gold: Gold, workers: WorkerPool, letters: str) -> Rule | None:
    bare = _bare(gold.text)
    expected = [(form, written) for form in _FORMS if (written := form(bare)) is not None]
    if expected:
        return _form_rule(expected)
    if re.fullmatch("[A-Za-z]'*", letters):
        return lambda prediction: verdict_of(unwrapped(prediction or "") == letters)
    if is_prose(gold.text):
        return _words_rule(gold) if is_nameable(gold.text) else None
    reading = read(gold.text)
    if reading is not None:
        return _number_rule(gold, reading, workers)
    return _expression_rule(gold, workers)


def _form_rule(expected: Sequence[tuple[_Form, object]]) -> Rule:
    """Right is what equals the gold in one of its forms: 11:15 may be a time or a ratio."""

    def rule(prediction: str | None) -> Verdict:
        answer = _bare(prediction or "")
        return verdict_of(any(form(answer) == written for form, written in expected))

    return rule


def _words_rule(gold: Gold) -> Rule:
    expected = _letters_only(gold.text)

    def rule(prediction: str | None) -> Verdict:
        answers = [prediction or "", without_lead_in(prediction or "")]
        if (stated := _STATEMENT.match(prediction or "")) and are_harmless(stated[1]):
            answers.append(stated[2])
        return verdict_of(any(_letters_only(answer) == expected for answer in answers))

    return rule


def _number_rule(gold: Gold, reading: Reading, workers: WorkerPool) -> Rule:
    golds = [reading]
    if isinstance(reading, Group) and (comma := read(gold.text, decimal_comma=True)):
        golds.append(comma)
    latex = as_latex(reading.value) if isinstance(reading, Quantity) else None
    latex = latex or expression(gold.text)

    def rule(prediction: str | None) -> Verdict:
        answer = prediction or ""
        found = read(answer) or _ratio(answer, reading)
        if isinstance(reading, Quantity) and isinstance(found, Group):
            found = read(answer, decimal_comma=True) or found
        if found is not None:
            tolerance = gold.tolerance
            return verdict_of(any(agree(found, g, tolerance=tolerance) for g in golds))
        if latex is None or not needs_algebra(answer):
            return UNPARSED
        _, unit = split_trailing_unit(without_layout(answer))
        if isinstance(reading, Quantity) and unit and reading.unit not in ("", unit):
            return WRONG
        verdict = _compare(answer, latex, gold.tolerance, workers)
        return UNPARSED if verdict == UNSCORED else verdict

    return rule


def _ratio(answer: str, gold: Reading) -> Reading | None:
    """An answer such as 1:4 as the fraction that the gold is; None for all others."""
    ratio = _RATIO.fullmatch(_bare(answer))
    is_fraction = isinstance(gold, Quantity) and not gold.value.is_literal
    return read(f"{ratio[1]}/{ratio[2]}") if ratio and is_fraction else None


def _expression_rule(gold: Gold, workers: WorkerPool) -> Rule | None:
    expected = expression(gold.text)
    if expected is None or ("=" in expected and re.search("[a-zA-Z]", expected) is None):
        return None  # no side of "2 + 2 = 5" is the one that is asked for

    def rule(prediction: str | None) -> Verdict:
        verdict = _compare(prediction or "", expected, gold.tolerance, workers)
        if verdict != UNPARSED:
            return verdict
        # An answer that is not worth asking about must not hide that the gold cannot be read.
        gold_alone = workers.compare("math", gold=expected, prediction=None, tolerance=0.0)
        return UNSCORED if gold_alone == UNSCORED else UNPARSED

    return rule


def _compare(prediction: str, gold: str, tolerance: float, workers: WorkerPool) -> Verdict:
    answer = expression(prediction)
    if answer is None:
        return UNPARSED
    gold, answer = without_definitions(gold, answer)
    verdicts = (
        workers.compare("math", gold=gold, prediction=part, tolerance=tolerance)
        for part in parts_to_agree(answer, gold)
    )
    return next((verdict for verdict in verdicts if verdict != RIGHT), RIGHT)


def _time(text: str) -> int | None:
    """Seconds since midnight of a time of day; None for any other text.

    20:34, 20:34:00 and 8:34 p.m. are the same, and 5 p.m. is 17:00; without a.m. or p.m. the hour
    counts to 23.
    """
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    hour, half = int(match["hour"]), (match["half"] or "").lower()
    if hour > 23 or (half and not 1 <= hour <= 12) or not (half or match["minute"]):
        return None
    if half:
        hour = hour % 12 + (12 if half.startswith("p") else 0)
    return (hour * 60 + int(match["minute"] or 0)) * 60 + int(match["second"] or 0)


def _based(text: str) -> tuple[str, int] | None:
    """The digits and the base of a number such as 204_5; None for any other text."""
    match = _BASED.fullmatch(text)
    return None if match is None else (match[1].upper().lstrip("0"), int(match[2]))


def _as_written(text: str) -> str | None:
    """A score, date, ratio or product of whole numbers in one spelling; None for any other text."""
    match = _AS_WRITTEN.fullmatch(text)
    return re.sub(r"[xX]|\\times", "*", "".join(text.split())) if match else None


_Form = Callable[[str], object | None]
_FORMS: Sequence[_Form] = (_time, _based, _as_written)


def _bare(text: str) -> str:
    """The answer without layout, math delimiters and the words before its first digit."""
    plain = _DELIMITERS.sub(" ", without_layout(text)).strip(" .;,")
    digit = re.search("[0-9]", plain)
    if digit is None or subject(plain[: digit.start()]) is None:
        return plain
    return plain[digit.start() :]


def _letters_only(text: str) -> str:
    bare = re.sub(r"[.!\"“”$]+", "", unwrapped(text)).casefold()
    return "".join(re.sub(r"^\s*(?:an?|the)\s", "", bare).split())
