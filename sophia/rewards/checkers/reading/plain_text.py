"""One spelling for what Unicode and LaTeX can spell in several ways."""

from __future__ import annotations

import re

_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_SIGNS = str.maketrans(
    {"−": "-", "﹣": "-", "–": "-", "±": "\\pm ", "×": "*", "·": "*", "⋅": "*", "÷": "/"}
    | {"≈": "\\approx ", "π": "\\pi ", "º": "°", "˚": "°", "∘": "°", "√": "\\sqrt", "Ω": "Ω"}
    | {"∞": "\\infty ", "≤": "\\leq ", "≥": "\\geq ", "≠": "\\neq ", "∪": "\\cup ", "∈": "\\in "}
    | {"½": " 1/2", "⅓": " 1/3", "⅔": " 2/3", "¼": " 1/4", "¾": " 3/4", "’": "'", "`": None}
    | {"α": "\\alpha ", "β": "\\beta ", "γ": "\\gamma ", "θ": "\\theta ", "φ": "\\phi "}
    | dict.fromkeys("\u00a0\u2002\u2003\u2009\u200a\u202f\u3000\t", " ")
)
_SUPERSCRIPT = re.compile("[⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+")
_ON_THE_LINE = str.maketrans("⁻⁺⁰¹²³⁴⁵⁶⁷⁸⁹", "-+0123456789")
_IN_NUMBER = re.compile(r",\\[!,] *|\s*\{\s*,\s*\}\s*")  # 10,\!000 and 10{,}000
_LONG_BLANK = re.compile(r"\s{4,}")  # on which the patterns below would take long
_SPACING = re.compile(r"(?<!\\)\\[!,;: ]|\\q?quad(?![a-zA-Z])|~")
_DEGREES = re.compile(
    r"\s*\^\s*\{\s*\\circ\s*\}|\s*\^?\s*\\circ(?![a-zA-Z])|\\degrees?(?![a-zA-Z])"
)
_BARE_ROOT = re.compile(r"(?<![a-zA-Z\\])sqrt(?![a-zA-Z])")
_TEXT = re.compile(
    r"\\(?:text(?:bf|it|rm|sf|tt|normal)?|mathrm|mathbf|mathit|mbox|operatorname)\s*"
    r"\{([^{}]*)\}(\^\s*\{?[0-9]+\}?)?"
)
_METRES = re.compile(r"(?<=[0-9])(?=m[²³])")  # 5m² is an area, 5m^2 may be algebra
_POWER = re.compile(r"(?<=[\w)}])\*\*(?=[\w({-])")
_BOLD = re.compile(r"\*\*|__|(?<![\w)}])_(?=\w)|(?<=[\w°%])_(?![\w{])")
_SIZES = re.compile(r"\\(?:left|right|[bB]igg?[lr]?)(?![a-zA-Z])\s*|\\displaystyle(?![a-zA-Z])")


def same_characters(text: str) -> str:
    """The text with full-width forms as ASCII and typographic signs as the usual ones.

    Look-alike letters of other alphabets stay what they are: a Cyrillic letter is no option.
    """
    text = _METRES.sub(" ", text.translate(_FULL_WIDTH))
    text = _SUPERSCRIPT.sub(lambda match: f"^{{{match[0].translate(_ON_THE_LINE)}}}", text)
    return text.translate(_SIGNS)


def without_layout(text: str) -> str:
    """The text in one spelling: ``same_characters``, and LaTeX layout removed.

    That is spacing, sizes, text commands and bold; degrees are written ``°``.
    """
    text = same_characters(text).replace("\\%", "%")
    text = _SPACING.sub(" ", _IN_NUMBER.sub(",", _LONG_BLANK.sub(_shortened, text)))
    text = _LONG_BLANK.sub(_shortened, text)
    text = _BARE_ROOT.sub(r"\\sqrt", _DEGREES.sub("°", text))
    for _ in range(3):  # \textbf{\text{...}} is nested, but not deeply
        text = _TEXT.sub(lambda match: f" {match[1]}{match[2] or ''} ", text)
    return _BOLD.sub("", _POWER.sub("^", _SIZES.sub(" ", text))).strip()


def _shortened(blank: re.Match[str]) -> str:
    return "\n" if "\n" in blank[0] else "  "


def depth(text: str) -> int:
    """How many brackets are open at once, at most."""
    level = deepest = 0
    for character in text:
        if character in "{([":
            level += 1
            deepest = max(deepest, level)
        elif character in "})]":
            level -= 1
    return deepest
