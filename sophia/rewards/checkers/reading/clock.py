"""Times of day: 20:34 is 8:34 p.m. and 20:34:00."""

from __future__ import annotations

import re

from sophia.rewards.checkers.reading.plain_text import without_layout

_TIME = re.compile(
    r"(?P<hour>[0-9]{1,2}):(?P<minute>[0-5][0-9])(?::(?P<second>[0-5][0-9]))?"
    r"\s*(?P<half>[ap]\.?\s?m\.?)?",
    re.IGNORECASE,
)


def parse_time(text: str) -> int | None:
    """Seconds since midnight; None for anything but one time of day. No "p.m." means 24 hours."""
    match = _TIME.fullmatch(without_layout(text).replace("$", "").strip())
    if match is None:
        return None
    hour, half = int(match["hour"]), (match["half"] or "").lower()
    if hour > 23 or (half and not 1 <= hour <= 12):
        return None
    if half:
        hour = hour % 12 + (12 if half.startswith("p") else 0)
    return (hour * 60 + int(match["minute"])) * 60 + int(match["second"] or 0)
