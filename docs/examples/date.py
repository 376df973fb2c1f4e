"""A checker: calendar dates, in whichever of some forms they are written."""

from datetime import date, datetime

from sophia.rewards.checkers.verdict import UNPARSED, Gold, Rule, Verdict, verdict_of
from sophia.rewards.process.pool import WorkerPool

_FORMS = ("%Y-%m-%d", "%d %B %Y", "%B %d, %Y")  # 1969-07-20, 20 July 1969, July 20, 1969


def check_date(gold: Gold, workers: WorkerPool) -> Rule | None:
    """A rule that scores 1 for the gold's day, else 0; None when the gold is no date."""
    day = _read(gold.text)
    if day is None:
        return None

    def rule(prediction: str | None) -> Verdict:
        said = _read(prediction or "")
        return UNPARSED if said is None else verdict_of(said == day)

    return rule


def _read(text: str) -> date | None:
    for form in _FORMS:
        try:
            return datetime.strptime(text.strip().rstrip("."), form).date()
        except ValueError:  # not this form
            continue
    return None
