"""The wait that a server asks for."""

from __future__ import annotations

import math

import pytest

from sophia.chat.failure import redact, retry_after_s

NOON = 1445412480.0  # Wed, 21 Oct 2015 07:28:00 GMT, the date in RFC 9110's example


@pytest.mark.parametrize(
    ("value", "wait_s"),
    [
        ("3", 3.0), (" 0.5 ", 0.5), ("0", 0.0), ("-1", 0.0), ("inf", math.inf), ("nan", 0.0),
        ("Wed, 21 Oct 2015 07:28:30 GMT", 30.0), ("Wed, 21 Oct 2015 07:00:00 GMT", 0.0),
        ("", None), ("soon", None), ("Wed, 99 Oct 2015 07:28:30 GMT", None),
    ],
)  # fmt: skip
def test_retry_after(value: str, wait_s: float | None) -> None:
    assert retry_after_s({"retry-after": value}, now=NOON) == wait_s


def test_no_header() -> None:
    assert retry_after_s({}, now=NOON) is None


def test_redact() -> None:
    assert redact("key sk-1 and sk-1", "sk-1") == "key *** and ***"
    assert redact("no key", "") == "no key"
    assert len(redact("a" * 1000, "b")) == 300
