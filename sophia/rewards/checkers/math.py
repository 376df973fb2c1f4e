"""Mathematical answers: plain numbers here and now, all else in a process that can be killed."""

from __future__ import annotations

import re

from sophia.rewards.checkers.choice import check_choice
from sophia.rewards.checkers.reading.expression import (
    expression,
    is_nameable,
    is_prose,
    parts_to_agree,
    same_words,
    without_definitions,
)
from sophia.rewards.checkers.reading.number import numbers_equal, parse_based, parse_number
from sophia.rewards.checkers.reading.plain_text import without_layout
from sophia.rewards.checkers.verdict import (
    RIGHT,
    UNPARSED,
    UNSCORED,
    WRONG,
    Case,
    Verdict,
    verdict_of,
)

_TIME = re.compile(
    r"(?P<hour>[0-9]{1,2}):(?P<minute>[0-5][0-9])(?::(?P<second>[0-5][0-9]))?"
    r"\s*(?P<half>[ap]\.?\s?m\.?)?",
    re.IGNORECASE,
)


def check_math(case: Case) -> Verdict:
    """Score 1 when the prediction equals the gold as mathematics (a word: as a word), else 0.

    A gold answer that is a sentence or no expression is UNSCORED.
    """
    if not case.prediction.strip():
        return UNPARSED
    return _check_numbers(case) or _check_special_form(case) or _check_expression(case)


def _check_numbers(case: Case) -> Verdict | None:
    """The verdict if both sides are plain numbers, found without leaving this process."""
    gold = parse_number(case.gold)
    number = parse_number(case.prediction, decimal_comma=gold is not None)
    if number is not None and gold is None and not number.is_whole:
        gold = parse_number(case.gold, decimal_comma=True)
    if number is None or gold is None:
        return None
    return verdict_of(numbers_equal(number, gold, tolerance=case.tolerance))


def _check_special_form(case: Case) -> Verdict | None:
    """The verdict on words, times of day, numbers in another base, and letters of options.

    None when the gold is none of these. (Rows of this type may hide a multiple-choice question.)
    """
    if is_prose(case.gold) and not is_nameable(case.gold):
        return UNSCORED
    if same_words(case.prediction, case.gold):
        return RIGHT
    if is_prose(case.gold):
        return WRONG
    for form in (_parse_time, parse_based):
        gold = form(case.gold)
        if gold is not None:
            return verdict_of(form(case.prediction) == gold)
    if re.fullmatch("[A-H]", case.gold.strip()) and check_choice(case) == RIGHT:
        return RIGHT
    return None


def _parse_time(text: str) -> int | None:
    """Seconds since midnight of a time of day; None for any other text.

    20:34, 20:34:00 and 8:34 p.m. are the same; without a.m. or p.m. the hour counts to 23.
    """
    match = _TIME.fullmatch(without_layout(text).replace("$", "").strip())
    if match is None:
        return None
    hour, half = int(match["hour"]), (match["half"] or "").lower()
    if hour > 23 or (half and not 1 <= hour <= 12):
        return None
    if half:
        hour = hour % 12 + (12 if half.startswith("p") else 0)
    return (hour * 60 + int(match["minute"])) * 60 + int(match["second"] or 0)


def _check_expression(case: Case) -> Verdict:
    gold, prediction = expression(case.gold), expression(case.prediction)
    if gold is None or _is_numeric_equation(gold):
        return UNSCORED
    if prediction is None:
        return UNPARSED
    gold, prediction = without_definitions(gold, prediction)
    verdicts = (
        case.workers.compare("math", gold=gold, prediction=part, tolerance=case.tolerance)
        for part in parts_to_agree(prediction, gold)
    )
    return next((verdict for verdict in verdicts if verdict != RIGHT), RIGHT)


def _is_numeric_equation(gold: str) -> bool:
    """Whether a gold answer is like "2 + 2 = 4", where no side is the one that is asked for."""
    return "=" in gold and re.search("[a-zA-Z]", gold) is None
