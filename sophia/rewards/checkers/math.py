"""Mathematical answers: numbers here and now, all else in a process that can be killed."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from sophia.rewards.checkers.choice import check_choice
from sophia.rewards.checkers.reading.closed_form import as_latex
from sophia.rewards.checkers.reading.expression import (
    expression,
    is_nameable,
    is_prose,
    needs_algebra,
    parts_to_agree,
    unwrapped,
    without_definitions,
)
from sophia.rewards.checkers.reading.plain_text import without_layout
from sophia.rewards.checkers.reading.quantity import Group, Quantity, Reading, agree, read
from sophia.rewards.checkers.reading.words import without_lead_in
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
    r"(?P<hour>[0-9]{1,2}):(?P<minute>[0-5][0-9])(?::(?P<second>[0-5][0-9]))?"
    r"\s*(?P<half>[ap]\.?\s?m\.?)?",
    re.IGNORECASE,
)
_BASED = re.compile(r"([0-9A-Za-z]+)\s*_\s*\{?\s*([0-9]{1,2})\s*\}?")
_AS_WRITTEN = re.compile(
    r"[0-9]+(?:\s*-\s*[0-9]+)+|[0-9]+(?:[./][0-9]+){2,}|[0-9]+(?:\s*:\s*[0-9]+)+"
    r"|[0-9]+(?:\s*(?:[*xX]|\\times)\s*[0-9]+)+"
)
_DELIMITERS = re.compile(r"\\?\$|\\[()\[\]]")


def check_math(gold: Gold, workers: WorkerPool) -> Rule | None:
    """A rule that scores 1 when the prediction equals the gold as mathematics, else 0.

    A word is compared as a word; times of day, numbers in another base, and scores, dates, ratios
    and products of whole numbers by what is written. Rows of this type may also hide a choice. None
    for a gold that is a sentence or no expression.
    """
    for form in (_time, _based, _as_written):
        if (expected := form(_bare(gold.text))) is not None:
            return _form_rule(form, expected)
    letters = unwrapped(gold.text)
    if re.fullmatch("[A-H]", letters):
        return check_choice(gold, workers)
    if re.fullmatch("[A-Za-z]'*", letters):
        return lambda prediction: verdict_of(unwrapped(prediction or "") == letters)
    if is_prose(gold.text):
        return _words_rule(gold) if is_nameable(gold.text) else None
    reading = read(gold.text)
    if reading is not None:
        return _number_rule(gold, reading, workers)
    return _expression_rule(gold, workers)


def _form_rule(form: Callable[[str], object | None], expected: object) -> Rule:
    return lambda prediction: verdict_of(form(_bare(prediction or "")) == expected)


def _words_rule(gold: Gold) -> Rule:
    expected = _letters_only(gold.text)

    def rule(prediction: str | None) -> Verdict:
        answers = (prediction or "", without_lead_in(prediction or ""))
        return verdict_of(any(_letters_only(answer) == expected for answer in answers))

    return rule


def _number_rule(gold: Gold, reading: Reading, workers: WorkerPool) -> Rule:
    comma = read(gold.text, decimal_comma=True) if isinstance(reading, Group) else None
    latex = as_latex(reading.value) if isinstance(reading, Quantity) else None
    latex = latex or expression(gold.text)

    def rule(prediction: str | None) -> Verdict:
        found = read(prediction or "")
        if prediction is None:
            return UNPARSED
        if _agree_somehow(prediction, found):
            return RIGHT
        if found is not None:
            return WRONG
        if latex is None or not needs_algebra(prediction):
            return UNPARSED
        verdict = _compare(prediction, latex, gold.tolerance, workers)
        return UNPARSED if verdict == UNSCORED else verdict

    def _agree_somehow(prediction: str, found: Reading | None) -> bool:
        pairs = [(found, reading), (found, comma)]
        if isinstance(reading, Quantity) and isinstance(found, Group):
            pairs = [(read(prediction, decimal_comma=True), reading)]
        return any(p and g and agree(p, g, tolerance=gold.tolerance) for p, g in pairs)

    return rule


def _expression_rule(gold: Gold, workers: WorkerPool) -> Rule | None:
    expected = expression(gold.text)
    if expected is None or ("=" in expected and re.search("[a-zA-Z]", expected) is None):
        return None  # no side of "2 + 2 = 5" is the one that is asked for

    def rule(prediction: str | None) -> Verdict:
        verdict = _compare(prediction or "", expected, gold.tolerance, workers)
        if verdict != UNPARSED:
            return verdict
        # An answer that is not worth asking about must not hide that the gold cannot be read.
        return workers.compare("math", gold=expected, prediction=None, tolerance=0.0)

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

    20:34, 20:34:00 and 8:34 p.m. are the same; without a.m. or p.m. the hour counts to 23.
    """
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    hour, half = int(match["hour"]), (match["half"] or "").lower()
    if hour > 23 or (half and not 1 <= hour <= 12):
        return None
    if half:
        hour = hour % 12 + (12 if half.startswith("p") else 0)
    return (hour * 60 + int(match["minute"])) * 60 + int(match["second"] or 0)


def _based(text: str) -> tuple[str, int] | None:
    """The digits and the base of a number such as 204_5; None for any other text."""
    match = _BASED.fullmatch(text)
    return None if match is None else (match[1].upper().lstrip("0"), int(match[2]))


def _as_written(text: str) -> str | None:
    """A score, date, ratio or product of whole numbers in one spelling; None for any other text."""
    match = _AS_WRITTEN.fullmatch(text)
    return re.sub(r"[xX]|\\times", "*", "".join(text.split())) if match else None


def _bare(text: str) -> str:
    """The answer without layout, math delimiters and opening words."""
    plain = _DELIMITERS.sub(" ", without_layout(text)).strip().strip(".").strip()
    return without_lead_in(plain)


def _letters_only(text: str) -> str:
    return re.sub(r"[\s.$]+", "", unwrapped(text)).casefold()
