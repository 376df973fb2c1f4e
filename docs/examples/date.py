"""A checker: calendar dates, in whichever of some forms they are written."""

from datetime import date, datetime

from sophia.rewards.checkers.verdict import UNPARSED, UNSCORED, Case, Verdict, verdict_of

_FORMS = ("%Y-%m-%d", "%d %B %Y", "%B %d, %Y")  # 1969-07-20, 20 July 1969, July 20, 1969


def check_date(case: Case) -> Verdict:
    """Score 1 when the prediction is the gold's day, else 0; UNSCORED when the gold is none."""
    gold, prediction = _read(case.gold), _read(case.prediction)
    if gold is None:
        return UNSCORED
    return UNPARSED if prediction is None else verdict_of(prediction == gold)


def _read(text: str) -> date | None:
    for form in _FORMS:
        try:
            return datetime.strptime(text.strip().rstrip("."), form).date()
        except ValueError:  # not this form
            continue
    return None
