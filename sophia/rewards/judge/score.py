"""From a judge's reply to a score, or to the reason why there is none.

A reply is scored only if it holds exactly one number, in [0, 1], and nothing else: bare, in
``<answer>``, or as the JSON that was asked for. A reasoning block that a thinking judge puts first
is set aside. There is no repair: a guess would be a wrong reward, a refusal is a counted gap.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Literal

from sophia.chat.question import ChatReply, UnusableReplyError

ParseFailure = Literal[
    "empty", "no_number", "two_numbers", "nan", "out_of_range", "prose", "truncated", "too_long"
]

RESPONSE_FORMAT: dict[str, Any] = {
    "type": "json_schema",
    "json_schema": {
        "name": "thinking_score",
        "strict": True,
        "schema": {
            "type": "object",
            "properties": {"score": {"type": "number", "enum": [i / 10 for i in range(11)]}},
            "required": ["score"],
            "additionalProperties": False,
        },
    },
}

_MAX_REPLY = 50_000  # characters
_THINK = re.compile(r"\s*<think>(?:(?!</?think>).)*</think>", re.DOTALL)
_ANSWER = re.compile(r"<answer>([^<>]*)</answer>")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_NAN = re.compile(r"[+-]?(?:nan|inf|infinity)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedScore:
    """A score in [0, 1], or None with the reason why there is none."""

    value: float | None
    failure: ParseFailure | None


def parse_score(reply: str, *, truncated: bool = False) -> ParsedScore:
    """The one number that a reply consists of, or why it does not.

    ``truncated`` says that the length limit cut the reply.
    """
    if truncated:  # a cut "0.85" is a wrong "0.8"
        return _unscored("truncated")
    if len(reply) > _MAX_REPLY:
        return _unscored("too_long")
    text = _THINK.sub("", reply, count=1).strip() if _THINK.match(reply) else reply.strip()
    if not text:
        return _unscored("empty")
    if text.startswith("{"):
        return _from_json(text)
    answer = _ANSWER.fullmatch(text)
    return _from_number(answer.group(1).strip() if answer else text)


def read_score(reply: ChatReply) -> float:
    """The score of a reply. Raises UnusableReplyError with the reason why there is none."""
    parsed = parse_score(reply.text, truncated=reply.truncated)
    if parsed.value is None:
        raise UnusableReplyError(parsed.failure or "empty")
    return parsed.value


def _unscored(failure: ParseFailure) -> ParsedScore:
    return ParsedScore(value=None, failure=failure)


def _from_number(text: str) -> ParsedScore:
    if _NUMBER.fullmatch(text):
        return _in_range(float(text))
    if _NAN.fullmatch(text):
        return _unscored("nan")
    return _unscored(_why_not(text))


def _why_not(text: str) -> ParseFailure:
    numbers = len(_NUMBER.findall(text))
    if numbers == 0:
        return "no_number"
    return "prose" if numbers == 1 else "two_numbers"


def _in_range(value: float) -> ParsedScore:
    if not 0.0 <= value <= 1.0:
        return _unscored("out_of_range")
    return ParsedScore(value=abs(value), failure=None)  # -0 is 0


class _NotANumberError(ValueError):
    """The error about JSON's NaN and Infinity, which Python's parser would let through."""


def _refuse_constant(name: str) -> float:
    raise _NotANumberError(name)


def _from_json(text: str) -> ParsedScore:
    try:
        pairs = json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=tuple)
    except _NotANumberError:
        return _unscored("nan")
    except (ValueError, RecursionError):
        return _unscored(_why_not(text))
    match pairs:
        case (("score", int() | float() as value),) if not isinstance(value, bool):
            return _in_range(value)
    return _unscored(_why_not(text))
