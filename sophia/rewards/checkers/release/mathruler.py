"""The rules of mathruler's ``grade_answer``, for the release profile, written from descriptions.

True when two answers agree after a normaliser in the style of the MATH data set, or after a second
one that also drops units, or, element by element of a tuple, when sympy finds no difference. What
it refuses is kept as well: an integer gold wants an integer, two fractions must agree literally,
more than two unknown letters or powers beyond one digit are not evaluated. Only the step from
LaTeX to text is an approximation (the original uses pylatexenc).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sophia.rewards.checkers.verdict import RIGHT, WRONG, Verdict

if TYPE_CHECKING:
    from sophia.rewards.process.pool import WorkerPool

_MAX_CHARACTERS = 2000
_ENCLOSING_TEXT = re.compile(r"^\\text\{(.+?)\}$")
_REMOVED = re.compile(r"\\left|\\right|\^\{\\circ\}|\^\\circ|\\!|\\\$|\\?%|\n")
_UNIT = re.compile(
    r"(?:degree|cm|centimeter|meter|mile|second|minute|hour|day|week|month|year|foot|feet|inch|yard)"
    r"(?:es)?s? *(?:\^[0-9]+)?"
)
_THOUSANDS = re.compile(r"([0-9]),([0-9]{3})($|[^0-9])")  # skips every other comma, as it does
_MAGNITUDES = {"million": "*10^6", "billion": "*10^9", "trillion": "*10^12"}
_LATEX_WORDS = {
    "\\pi": "pi", "\\infty": "inf", "\\cup": "U", "\\cdot": "*", "\\times": "*", "π": "pi",
    "∞": "inf", "∪": "U", "·": "*", "×": "*",
}  # fmt: skip
_FRACTION = re.compile(r"\\[dt]?frac\s*(?:\{([^{}]*)\}|([0-9]))\s*(?:\{([^{}]*)\}|([0-9]))")
_ROOT = re.compile(r"\\sqrt\s*(?:\{([^{}]*)\}|([0-9]))")
_NOT_EVALUATED = re.compile(r"\^\{|\^\(|\^[0-9]+\^|\^[0-9][0-9]|[_'\"\\=:;\[\]]|\.[a-zA-Z]")


def grade_answer(prediction: str, gold: str, workers: WorkerPool) -> Verdict:
    """mathruler's verdict on a prediction; sympy runs in one of the workers, so it can time out."""
    if len(prediction) > _MAX_CHARACTERS:
        return WRONG
    if _math_dataset_form(prediction) == _math_dataset_form(gold):
        return RIGHT
    ours, theirs = _looser_form(prediction), _looser_form(gold)
    if ours == theirs:
        return RIGHT
    if not ours or not theirs:
        return WRONG
    elements, expected = _elements(ours), _elements(theirs)
    brackets_differ = len(expected) > 1 and (ours[0], ours[-1]) != (theirs[0], theirs[-1])
    if brackets_differ or len(elements) != len(expected):
        return WRONG
    for element, target in zip(elements, expected, strict=True):
        verdict = _grade_element(element, target, workers)
        if verdict != RIGHT:
            return verdict
    return RIGHT


def _grade_element(element: str, target: str, workers: WorkerPool) -> Verdict:
    if _is_fraction(element) and _is_fraction(target):
        return RIGHT if element == target else WRONG
    if (_integer(element) is None) != (_integer(target) is None):
        return WRONG
    difference = f"({target})-({element})"
    letters = set(re.findall("[a-z]", re.sub("sqrt|frac", "", difference)))
    if len(letters) > 2 or _NOT_EVALUATED.search(difference) or not difference.isascii():
        return WRONG
    return workers.compare("mathruler", gold=target, prediction=element, tolerance=0.0)


def _math_dataset_form(answer: str) -> str:
    text = _ENCLOSING_TEXT.sub(r"\1", answer.strip())
    text = re.sub(r"\\[td]frac", r"\\frac", _REMOVED.sub("", text))
    text = re.sub(r"\\text\{ .*$", "", text)  # units on the right
    text = re.sub(r"(^|[ {])\.", r"\g<1>0.", text)
    if re.fullmatch(r"[^=]{1,2}=[^=]*", text):
        text = text.partition("=")[2].strip()
    text = re.sub(r"\\sqrt(\w)", r"\\sqrt{\1}", text).replace(" ", "")
    text = re.sub(r"\\frac(?:\{([^{}]*)\}|(\w))(?:\{([^{}]*)\}|(\w))", _frac, text)
    text = "\\frac{1}{2}" if text == "0.5" else text
    return re.sub(r"^(-?[0-9]+)/(-?[0-9]+)$", r"\\frac{\1}{\2}", text)


def _frac(match: re.Match[str]) -> str:
    above, below = match[1] or match[2] or "", match[3] or match[4] or ""
    return f"\\frac{{{above}}}{{{below}}}"


def _looser_form(answer: str) -> str:
    text = _ENCLOSING_TEXT.sub(r"\1", answer.strip())
    text = re.sub(r"\\?[%$]", "", text).replace(" or ", " , ").replace(" and ", " , ")
    for word, factor in _MAGNITUDES.items():
        text = text.replace(word, factor)
    text = re.sub(r"\^ *\\circ", "", _UNIT.sub("", text))
    text = re.sub(r",\\! *", "", re.sub(r"^\{(.*)\}$", r"\1", text))
    text = _latex_as_text(text) if "\\" in text else text
    text = re.sub(r"- *", "-", text)
    text = re.sub(r"([0-9]) +([0-9])", r"\1+\2", text)  # mixed numbers
    text = re.sub(r"[ {}]", "", text).lower()
    integer = _integer(text)
    return text if integer is None else str(integer)


def _latex_as_text(text: str) -> str:
    text = re.sub(r"(?<=[0-9])\s*(?=\\[dt]?frac)", " ", text)
    for _ in range(3):
        text = _FRACTION.sub(lambda m: f"{m[1] or m[2]}/{m[3] or m[4]}", text)
        text = _ROOT.sub(lambda m: f"sqrt({m[1] or m[2]})", text)
    for word, plain in _LATEX_WORDS.items():
        text = text.replace(word, plain)
    return text.strip()


def _integer(text: str) -> int | None:
    plain = text
    while (shorter := _THOUSANDS.sub(r"\1\2\3", plain)) != plain:
        plain = shorter
    try:
        number = float(plain)
        return round(number) if abs(number - round(number)) <= 1e-7 else None
    except (ValueError, OverflowError):
        return None


def _is_fraction(text: str) -> bool:
    return re.fullmatch(r"-?[0-9]+.?/0*[1-9][0-9]*.?", text) is not None


def _elements(text: str) -> list[str]:
    plain = text
    while (shorter := _THOUSANDS.sub(r"\1\2\3", plain)) != plain:
        plain = shorter
    enclosed = len(plain) > 2 and plain[0] in "([" and plain[-1] in ")]"
    if enclosed and not re.search(r"[()\[\]]", plain[1:-1]):
        return [element.strip() for element in plain[1:-1].split(",")]
    return [plain]
