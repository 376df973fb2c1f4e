"""The one mathematical expression that an answer consists of, ready to be parsed as LaTeX."""

from __future__ import annotations

import re

from sophia.rewards.checkers.reading.explicit import make_explicit
from sophia.rewards.checkers.reading.plain_text import depth, same_characters, without_layout
from sophia.rewards.checkers.reading.units import split_unit
from sophia.rewards.checkers.reading.words import (
    NUMBER_WORDS,
    are_harmless,
    subject,
    without_lead_in,
)

MAX_CHARACTERS = 1000
_MAX_DEPTH = 12
_SPAN = re.compile(
    r"\$\$(?P<a>[^$]+)\$\$|(?<!\\)\$(?P<b>(?:\\\$|[^$])+)\$|\\\[(?P<c>.+?)\\\]|\\\((?P<d>.+?)\\\)",
    re.DOTALL,
)
_JOINT = re.compile(r"\s*(?:,|;|,?\s*and|,?\s*or)\s*")
_COMMAND = re.compile(r"\\(?:text\w*|math\w+|mbox|operatorname)\s*\{[^{}]*\}|\\[a-zA-Z]+")
_FUNCTION = re.compile(
    r"(?<![\\a-zA-Z])(sin|cos|tan|cot|sec|csc|log|ln|exp|arcsin|arccos|arctan|pi|theta)(?![a-z])"
)
_ROOT = re.compile(r"(?<![\\a-zA-Z])sqrt\s*\(([^()]*)\)")
_WORD = re.compile(r"(?![A-Z]{3,4}(?![^\W\d_]))[^\W\d_]{3,}")  # not a triangle's ABC
_ENVIRONMENT = re.compile(r"\\(?:begin|end)\s*\{[^{}]*\}")
_LISTING_WORD = re.compile(r"\\text\s*\{\s*,?\s*(?:and|or)\s*\}|(?<![\w\\{])(?:and|or)(?![\w}])")
_TRIGONOMETRY = re.compile(r"\\(?:sin|cos|tan|cot|sec|csc)(?![a-z])")
_DEGREES = re.compile(r"([0-9.]+)\s*(?:\^\s*(?:\{\s*\\circ\s*\}|\\circ)|°)")
_DEFINITION = re.compile(r"\s*(?:y|[a-zA-Z]\s*\(\s*[a-z]\s*\))\s*=(?=[^=]*$)")
_TRAILING_UNIT = re.compile(
    r"(?:\\(?:text\w*|mathrm|mbox)\s*\{([^{}]*)\}|(?<=[0-9)}])\s+([a-z]{2,}))"
    r"\s*(\^\s*\{?[23]\}?)?\s*$"
)
_OF_NUMBERS = re.compile(r"\\(?:[dtc]?frac|sqrt|pi|times|cdot|div|pm|[()])(?![a-z])")
_OTHER_RELATION = re.compile(r"[<>!]|\\(?:leq?|geq?|lt|gt|neq?|in|approx|equiv)(?![a-z])")
_RELATION = re.compile(r"=|" + _OTHER_RELATION.pattern)
_MEMBER = re.compile(r"^\s*[a-zA-Z]\s*\\in(?=\s*(?:\\left\s*)?[(\[])")  # x in [1, 2)
_LOGARITHM = re.compile(r"\\log_([0-9])(?=\()")
_RESULT = re.compile(r"(?<=.)\\approx.*$", re.DOTALL)


def is_prose(text: str) -> bool:
    """Whether an answer is words ("no solution", "Evelyn"), not mathematics."""
    bare = unwrapped(text)
    return bool(_WORD.search(bare)) and not re.search(r"[0-9=+^\\<>]", bare) and bool(bare.strip())


def is_nameable(prose: str) -> bool:
    """Whether a gold answer in words can be compared word for word: a name, not a sentence."""
    words = unwrapped(prose).lower().split()
    return len(words) <= 3 and not NUMBER_WORDS.intersection(words)


def needs_algebra(text: str) -> bool:
    """Whether an answer holds what numbers alone do not: variables, functions, absolute values."""
    return re.search(r"[a-zA-Z|]", _OF_NUMBERS.sub(" ", without_layout(text))) is not None


def expression(text: str) -> str | None:
    """The expression in an answer; None when there is none, or prose that is not harmless.

    Mathematics may stand between math delimiters in a sentence, or be the whole answer. Delimiters
    with numbers or hedges outside of them are refused: "$5$ or 6" is no answer.
    """
    text = same_characters(text).replace("\n", " ")
    text = text.replace("\\$", " ").strip().rstrip("\\").strip()
    if len(text) > MAX_CHARACTERS or depth(text) > _MAX_DEPTH:
        return None
    spans = list(_SPAN.finditer(text))
    inner = _from_spans(text, spans) if spans else _whole(text)
    return None if inner is None else make_explicit(_tidy(inner))


def without_definitions(first: str, second: str) -> tuple[str, str]:
    """The right-hand sides if both define something (f(x) = 2x, y = 2x), else both unchanged."""
    if _DEFINITION.match(first) and _DEFINITION.match(second):
        return _DEFINITION.sub("", first), _DEFINITION.sub("", second)
    return first, second


def parts_to_agree(prediction: str, gold: str) -> list[str]:
    """The parts of a prediction that must all equal the gold answer.

    Of an equation, where the gold is none, these are all sides but a name in front: so "x = 2 + 3 =
    5" is 5, and neither "7 = 42" nor "2x = 42" is 42. Any other prediction is one part.
    """
    if "=" not in prediction or _RELATION.search(gold):
        return [prediction]
    if _OTHER_RELATION.search(prediction) or "," in prediction:
        return [prediction]
    first, *rest = prediction.split("=")
    is_name = re.search(r"[a-zA-Z]", first) and subject(f"{first}=") is not None
    return [part.strip() for part in (rest if is_name else [first, *rest])]


def _whole(text: str) -> str | None:
    bare = without_lead_in(text).replace("$", "")
    without_commands = _FUNCTION.sub(
        " ", _COMMAND.sub(" ", _ENVIRONMENT.sub(" ", _ROOT.sub(" ", bare)))
    )
    return None if _WORD.search(without_commands) else bare


def _from_spans(text: str, spans: list[re.Match[str]]) -> str | None:
    last = [spans[-1]]
    for span in reversed(spans[:-1]):
        if not _JOINT.fullmatch(text, span.end(), last[0].start()):
            break
        last.insert(0, span)
    outside = text[: last[0].start()] + text[last[-1].end() :]
    percent = re.match(r"\s*(?:\\?%|percent\b)", text[last[-1].end() :])
    if percent:
        outside = outside.replace(percent[0].strip(), " ")
    if not are_harmless(outside.replace("\\", " ")):
        return None
    inner = ", ".join(_content(span) for span in last)
    return f"{inner}\\%" if percent else inner


def _content(span: re.Match[str]) -> str:
    return next(group for group in span.groups() if group is not None).strip()


def _tidy(text: str) -> str:
    text = _LOGARITHM.sub(r"\\log_{\1}", _MEMBER.sub("", _ROOT.sub(r"\\sqrt{\1}", text)))
    text = _DEGREES.sub(r"\\frac{\1 \\pi}{180}" if _TRIGONOMETRY.search(text) else r"\1", text)
    text = _FUNCTION.sub(r"\\\1", text).replace("**", "^")
    text = _LISTING_WORD.sub(" , ", text)
    text = re.sub(r",(?:\s*,)+", ",", text)
    return _without_unit(_RESULT.sub("", text).strip().rstrip(".,;").strip())


def _without_unit(text: str) -> str:
    match = _TRAILING_UNIT.search(text)
    if match is None or match.start() == 0:
        return text
    word = (match[1] or match[2] or "").strip(" ~")
    unit = split_unit(f" {word}{match[3] or ''}")
    return text[: match.start()].rstrip(" \\~,") if unit and not unit[1].strip() else text


def unwrapped(text: str) -> str:
    """The text without text commands, math delimiters and the brackets around a letter."""
    bare = re.sub(r"\\(?:text\w*|mathrm|mathbf|mbox|operatorname)\s*\{([^{}]*)\}", r"\1", text)
    bare = re.sub(r"\\[()\[\]]|\*\*|\$", "", same_characters(bare)).strip().rstrip("\\").strip()
    return re.sub(r"^\(([A-Za-z])\)$", r"\1", bare)
