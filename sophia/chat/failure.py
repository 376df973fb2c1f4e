"""What can go wrong with a request, named; the names are those of ``NAME/fail/<reason>``."""

from __future__ import annotations

import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Final

import openai

from sophia.failures import RunStopped

FINAL: Final = frozenset({"auth", "not_found", "model_not_found"})
"""Reasons that no waiting heals: the key, the address or the model name is wrong."""

_BY_STATUS = {
    401: "auth", 403: "auth", 404: "not_found", 408: "server_timeout", 409: "conflict",
    429: "rate_limited",
}  # fmt: skip
_RETRYABLE = frozenset(
    {"server_timeout", "conflict", "rate_limited", "server_error", "timeout", "connect", "cut",
     "bad_body"}
)  # fmt: skip
_MAX_DETAIL = 300  # characters


class ServerDown(RunStopped):
    """The server is down for good; the message says where, how it showed and what to do."""


class CallFailedError(Exception):
    """The error about a request that brought no reply.

    Args:
        reason: what went wrong, in one of the words that failures are counted by.
        detail: what the server or the network said about it, for people.
        retry_after_s: the wait in seconds that the server asked for, None if it asked for none.
    """

    def __init__(self, reason: str, detail: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.retry_after_s = retry_after_s
        self.retryable = reason in _RETRYABLE

    def without(self, secret: str) -> CallFailedError:
        """The same failure with ``***`` for the secret, should the server have echoed it."""
        detail = redact(self.detail, secret)
        return CallFailedError(self.reason, detail, retry_after_s=self.retry_after_s)


def redact(text: str, secret: str) -> str:
    """The first 300 characters of a text, with ``***`` for the secret: fit for a log line."""
    return (text.replace(secret, "***") if secret else text)[:_MAX_DETAIL]


def describe(error: openai.APIError) -> CallFailedError:
    """The failure, by its reason, behind an exception of the client library."""
    detail = error.message
    if isinstance(error, openai.APIStatusError):
        wait = retry_after_s(error.response.headers, now=time.time())
        return CallFailedError(_status_reason(error), detail, retry_after_s=wait)
    if isinstance(error, openai.APITimeoutError):
        return CallFailedError("timeout", detail)
    cause = type(error.__cause__).__name__
    return CallFailedError("connect" if "Connect" in cause else "cut", f"{detail} ({cause})")


def _status_reason(error: openai.APIStatusError) -> str:
    if error.status_code >= 500:
        return "server_error"
    if error.status_code == 404 and "model" in error.message.lower():
        return "model_not_found"
    return _BY_STATUS.get(error.status_code, "bad_request")


def refuses_schema(error: openai.APIError) -> bool:
    """Whether an error says that the server cannot bind its replies to a schema."""
    words = ("response_format", "json_schema", "schema", "guided", "structured", "grammar")
    return isinstance(error, openai.BadRequestError | openai.UnprocessableEntityError) and any(
        word in error.message.lower() for word in words
    )


def retry_after_s(headers: Mapping[str, str], *, now: float) -> float | None:
    """The wait in seconds that the header ``Retry-After`` asks for; None without one.

    It holds seconds or an HTTP date (RFC 9110, section 10.2.3). ``now`` is in seconds since 1970.
    """
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - now)
    except ValueError:
        return None  # neither form: as if the header were absent
