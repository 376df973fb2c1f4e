"""The one expression that an answer consists of, as LaTeX that leaves math-verify nothing to guess.

Measured on math-verify 0.9: ``0\\quad 42``, ``42_7``, ``42^T`` and ``42\\ldots`` are all read as
42, and ``\\phantom{7}42`` as 49. A policy finds such readings; what has no agreed meaning (numbers
side by side, unknown commands) is refused here.
"""

from __future__ import annotations

import re

from sophia.rewards.checkers.reading.plain_text import depth, without_layout
from sophia.rewards.checkers.reading.units import split_unit
from sophia.rewards.checkers.reading.words import (
    NUMBER_WORDS,
    are_harmless,
    subject,
    without_lead_in,
)

MAX_CHARACTERS = 1000
_MAX_DEPTH = 12
_FUNCTIONS = "sin cos tan cot sec csc log ln exp arcsin arccos arctan gcd lcm pi theta"
_KNOWN_COMMANDS = frozenset(
    f"{_FUNCTIONS} alpha beta gamma delta epsilon varepsilon zeta eta vartheta iota kappa lambda mu"
    " nu xi rho sigma tau upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Phi"
    " Psi Omega ell infty emptyset varnothing mathbb frac dfrac tfrac cfrac sqrt binom cdot times"
    " div pm mp sinh cosh tanh max min sum prod int lim lfloor rfloor lceil rceil vert lvert"
    " rvert overline bar vec hat leq geq le ge lt gt neq ne approx equiv in notin subset cup cap"
    " setminus to det mod begin end prime angle triangle".split()
)
_COMMAND = re.compile(r"\\([a-zA-Z]+)")
_DELIMITER = re.compile(r"\$|\\[()\[\]]")
_SPAN = re.compile(r"\$\$([^$]+)\$\$|\$([^$]+)\$|\\\[(.+?)\\\]|\\\((.+?)\\\)")
_JOINT = re.compile(r"\s*(?:,|;|,?\s*and|,?\s*or)\s*")
_WORD = re.compile(  # no command or environment, and not a triangle's ABC
    r"(?<![\\a-zA-Z])(?<!\\begin\{)(?<!\\end\{)(?![A-Z]{3,4}(?![^\W\d_]))[^\W\d_]{3,}"
)
_DEFINITION = re.compile(r"\s*(?:y|[a-zA-Z]\s*\(\s*[a-z]\s*\))\s*=(?=[^=]*$)")
_OF_NUMBERS = re.compile(r"\\(?:[dtc]?frac|sqrt|pi|times|cdot|div|pm|[()])(?![a-z])")
_OTHER_RELATION = re.compile(r"[<>!]|\\(?:leq?|geq?|lt|gt|neq?|in|approx|equiv)(?![a-z])")
_TRIGONOMETRY = re.compile(r"\\(?:sin|cos|tan|cot|sec|csc)(?![a-z])")
_DEGREES = re.compile(r"([0-9.]+)\s*°")
_TRAILING_UNIT = re.compile(r"(?<=[\w)}])(\s+[a-z]{2,}(?:\s*\^\s*\{?[23]\}?)?)\s*$")
_SPELLINGS = tuple(
    (re.compile(pattern), explicit)
    for pattern, explicit in (
        (r"(?<=[0-9.])\s*°|°(?!\s*[\w\\({])", ""),  # not the sign of f after g
        (r"\\(?:begin|end)\s*\{(?:align|aligned|equation|gather|split)\*?\}|(?<!\\)&(?==)", " "),
        (rf"(?<![\\a-zA-Z])({'|'.join(_FUNCTIONS.split())})(?![a-z])", r"\\\1"),
        (r"\\sqrt\s*(?:\(([^()]*)\)|([0-9]+))", r"\\sqrt{\1\2}"),
        (r"^\s*[a-zA-Z]\s*\\in(?=\s*[(\[])", ""),  # x in [1, 2)
        (r"\\log_([0-9])(?=\()", r"\\log_{\1}"),
        (r"\\([dtc]?frac)\s*([0-9a-zA-Z])\s*\{", r"\\\1{\2}{"),
        (r"(?<![\w\\{])(?:and|or)(?![\w}])", " , "),
        (r",(?:\s*,)+", ","),
        (r"(?<=.)\\approx.*$|[\s.,;]+$", ""),
        (r"^\{([^{}]*,[^{}]*)\}", r"\\{\1\\}"),
        (r"(?<![0-9.^_{}\\])([0-9]+\s*)(\\[dtc]?frac\s*(?:\{\s*[0-9]+\s*\}\s*){2})", r"(\1+\2)"),
    )
)
_PRODUCT = re.compile(  # \frac1x and \log_2(x) are none; with a sign they are read twice as fast
    r"(?<![\^_][0-9])(?<!frac[0-9])(?<!frac [0-9])(?<=[0-9)])\s*"
    r"(?=\(|[a-zA-Z](?![a-zA-Z])|\\(?:binom|max|min|gcd|lcm)(?![a-z]))"
)
_MISREAD = re.compile(
    r"(?<![\^_])(?<![0-9])[0-9][0-9.]*\s+[0-9.]"  # 0 42
    r"|[0-9]\s*['\"_]"  # 0'42, 42_7
    r"|[0-9)\]]\s*\^\s*\{?\s*\\?(?:T|top)(?![a-zA-Z])"  # 42^T
    r"|[0-9]\s*\{|(?:^|[=(,\s])\{|[0-9)\]]\s*\["  # 0{42}
    r"|[0-9]\s*\(\s*[0-9.]+\s*\)"  # 0(42)
    r"|\.\.|\\&"
)


def is_prose(text: str) -> bool:
    """Whether an answer is words ("no solution", "Evelyn"), not mathematics."""
    bare = unwrapped(text)
    return bool(_WORD.search(bare)) and not re.search(r"[0-9=+^\\<>]", bare)


def is_nameable(prose: str) -> bool:
    """Whether a gold answer in words can be compared word for word: a name, not a sentence."""
    words = unwrapped(prose).lower().split()
    return len(words) <= 3 and not NUMBER_WORDS.intersection(words)


def unwrapped(text: str) -> str:
    """The text without layout, math delimiters and the brackets around a letter."""
    bare = _DELIMITER.sub("", without_layout(text)).strip().rstrip("\\").strip()
    return re.sub(r"^\(([A-Za-z])\)$", r"\1", bare)


def needs_algebra(text: str) -> bool:
    """Whether an answer holds what numbers alone do not: variables, functions, absolute values."""
    return re.search(r"[a-zA-Z|]", _OF_NUMBERS.sub(" ", without_layout(text))) is not None


def expression(text: str) -> str | None:
    """The expression in an answer; None when there is none, or no clear one.

    Mathematics may stand between math delimiters in a sentence, or be the whole answer. Delimiters
    with numbers or hedges outside of them are refused: "$5$ or 6" is no answer.
    """
    text = without_layout(text.replace("\\$", " ")).replace("\n", " ").rstrip("\\ ")
    if len(text) > MAX_CHARACTERS or depth(text) > _MAX_DEPTH:
        return None
    spans = list(_SPAN.finditer(text))
    inner = _from_spans(text, spans) if spans else without_lead_in(text).replace("$", "")
    return None if inner is None else _explicit(inner)


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
    if "=" not in prediction or "=" in gold or _OTHER_RELATION.search(gold):
        return [prediction]
    if _OTHER_RELATION.search(prediction) or "," in prediction:
        return [prediction]
    first, *rest = prediction.split("=")
    is_name = re.search(r"[a-zA-Z]", first) and subject(f"{first}=") is not None
    return [part.strip() for part in (rest if is_name else [first, *rest])]


def _from_spans(text: str, spans: list[re.Match[str]]) -> str | None:
    """The last span, with those before it in a list; None when what is outside could change it."""
    last = [spans[-1]]
    for span in reversed(spans[:-1]):
        if not _JOINT.fullmatch(text, span.end(), last[0].start()):
            break
        last.insert(0, span)
    percent = re.match(r"\s*(?:%|percent\b)", text[last[-1].end() :])
    before, after = text[: last[0].start()], text[(percent or last[-1]).end() :]
    if not are_harmless(before + after):
        return None
    inner = ", ".join(next(filter(None, span.groups())).strip() for span in last)
    return f"{inner}%" if percent else inner


def _explicit(text: str) -> str | None:
    """The expression with nothing left to guess; None when words or unclear signs are in it."""
    if _TRIGONOMETRY.search(text):
        text = _DEGREES.sub(r"\\frac{\1 \\pi}{180}", text)
    for pattern, spelling in _SPELLINGS:
        text = pattern.sub(spelling, text)
    text, _ = split_trailing_unit(text.strip())
    is_known = _KNOWN_COMMANDS.issuperset(_COMMAND.findall(text))
    if not is_known or _MISREAD.search(text) or _WORD.search(text):
        return None
    return _PRODUCT.sub(r" \\cdot ", text)


def split_trailing_unit(text: str) -> tuple[str, str]:
    """An expression and the unit behind it, which is "" without one."""
    match = _TRAILING_UNIT.search(text)
    unit = split_unit(match[1]) if match else None
    if match is None or unit is None or unit[1].strip():
        return text, ""
    return text[: match.start()].rstrip(" ,"), unit[0]
