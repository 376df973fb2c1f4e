"""Words around an answer: which are harmless, and which change what is said."""

from __future__ import annotations

import re
import unicodedata

_NUMBER_WORDS = (
    "two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
    " sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety"
    " hundred thousand million billion trillion half halves third thirds quarter quarters fourth"
    " fourths fifth fifths sixth sixths seventh eighth eighths ninth ninths tenth tenths hundredth"
    " hundredths thousandth thousandths dozen dozens pair pairs couple"
)
_CHANGING_WORDS = (
    "not no never none neither nor isn't aren't wasn't cannot can't don't doesn't didn't without"
    " or either between but maybe perhaps possibly unless except excluding wrong incorrect false"
    " untrue fake example previous old rejected ignore candidate non-final"
    " more less fewer greater smaller larger bigger least most over under above below beyond"
    " up down than exceeding minus negative plus times twice thrice double triple"
    " opposite reciprocal inverse negation negated besides almost nearly"
    " square squared cube cubed power root factorial base mod modulo divided multiplied"
    " gcd lcm max min mean log ln exp sin cos tan cot sec csc arcsin arccos arctan det lim"
)
VALUE_WORDS = frozenset(f"{_NUMBER_WORDS} {_CHANGING_WORDS}".split())
"""Words next to a number or an option that can turn a right answer into another one."""

NUMBER_WORDS = frozenset(_NUMBER_WORDS.split())

_VALUE_CHARACTERS = frozenset("零一二三四五六七八九十百千万亿兆半双两负非不没或错误倍")
_COMPARING = "大于 小于 多于 少于 高于 低于 以上 以下 超过 至少 至多"
_COMPARISONS = tuple(_COMPARING.split())
_TOKEN = re.compile(r"[^\W\d_]+(?:['’\-][^\W\d_]+)*|[^\s]")
_PUNCTUATION = frozenset(".,:;!?\"'()。，：；！、“”‘’…—∴")
_ONE_LETTER_WORDS = frozenset("aI")
_SHORT = "am an as at be by he if in is it me my of on so to us we"
_SHORT_WORDS = frozenset(_SHORT.split())
_LEAD_IN = re.compile(
    r"(?:so|thus|hence|therefore|and|then|finally|final|the|my|our|its|it's|it|is|this|that|(?-i:I(?=\s+[a-z]))|we"
    r"|think|believe|choose|select|pick|get|have|answers?|result|value|solution|choice|options?"
    r"|expression|(?:best|right|correct)(?=\s+(?:answer|choice|option|solution|value|result)\b)"
    r"|will|would|must|should|be|to|equals?|are)\b[\s:,]*",
    re.IGNORECASE,
)
_EXPLANATION = re.compile(
    r"\b(?:because|since|as|so|due|by|which|where|when|from)\b", re.IGNORECASE
)
_NAMING_NOTHING = (
    "a an the of in on at for to and is are was were be it its this that these those there here all"
    " each every total altogether only exactly approximately about around roughly long wide high"
    " tall deep away respectively both now left answer final"
)
_PLURAL = re.compile(r"(?<=[sxz])es$|(?<=[cs]h)es$|(?<!s)s$")
_FUNCTION_WORDS = frozenset(_NAMING_NOTHING.split())
_COPULA = re.compile(
    r"(?:(?<![<>!])=|:|：|\b(?:is|are|was|were|be|equals?|equal\s+to|becomes?|of|by|to|about|approximately)|[是为有]|等于)"
    r"[\s:：]*$"
)
_NAME = re.compile(
    r"(?P<place>(?:m?\s*(?:\\m?angle|[∠])|\\triangle|\\odot|[△⊙]|\b[Aa]ngle\s)\s*(?:[A-Za-z]{1,4}(?![a-z])|[0-9])"
    r"|\([a-zA-Z](?:\s*,\s*[a-zA-Z])+\)|\\overline\s*\{[A-Z]+\}|(?<![A-Za-z])[A-Z]{2,4}(?![A-Za-z])(?:\s*[-+]\s*[A-Z]{2}(?![A-Za-z]))*|\|[A-Z]{2}\|)"
    r"|(?P<name>\\?(?:sin|cos|tan|cot|sec|csc|log|ln)\s*(?:\(?\s*(?:\\[a-z]+|[a-zA-Z])\s*\)?)"
    r"|(?<![A-Za-z\\])[a-zA-Z](?:_\{?\w+\}?)?\s*\(\s*[a-zA-Z0-9]\s*\)"
    r"|(?<![A-Za-z'’\\])(?:[a-zA-Z]|\\(?:alpha|beta|gamma|delta|lambda|mu|omega|phi|rho|sigma|tau|theta))"
    r"(?:_\{[^{}]*\}|_\w+)?(?![A-Za-z]))"
)


def are_harmless(text: str) -> bool:
    """Whether text beside an answer is only words and punctuation that leave the answer as it is.

    Numbers, symbols, single letters (a variable?) and the words above are not harmless.
    """
    return all(
        token in _PUNCTUATION or token in _ONE_LETTER_WORDS or _is_harmless_word(token)
        for token in _TOKEN.findall(text)
    )


def nouns(text: str) -> frozenset[str] | None:
    """What is named behind a number ({"apple"} for "apples in total"); None if not harmless.

    Explanations ("because ...") and words that name nothing are left out.
    """
    if not are_harmless(text):
        return None
    words = re.findall(r"[a-z]{2,}", _EXPLANATION.split(text)[0].lower())
    return frozenset(_PLURAL.sub("", w) for w in words if w not in _FUNCTION_WORDS)


def subject(text: str) -> str | None:
    """The variable that the text before a value is about ("" for none); None if not harmless.

    With "is", "=" or the like at the end it may name letters: "The value of k is", "AB =".
    """
    if are_harmless(text):
        return ""
    copula = _COPULA.search(text)
    if copula is None:
        return None
    names: list[str] = []

    def without_name(match: re.Match[str]) -> str:
        if match["name"] not in _ONE_LETTER_WORDS:
            names.append(re.sub(r"[\s\\{}()]", "", match["name"] or ""))
        return " "

    rest = _NAME.sub(without_name, text[: copula.start()])
    if len(names) > 1 or not are_harmless(rest):
        return None
    return names[0] if names else ""


def without_lead_in(text: str) -> str:
    """The text without opening words such as "So the final answer is:".

    It is left as it is when only such words are there.
    """
    position = 0
    while match := _LEAD_IN.match(text, position):
        position = match.end()
    return text[position:].strip() or text


def _is_harmless_word(token: str) -> bool:
    if not token[0].isalpha() or token.lower().replace("’", "'") in VALUE_WORDS:
        return False
    if token.isascii():
        return len(token) > 2 or token.lower() in _SHORT_WORDS
    return (
        unicodedata.category(token[0]) != "Lm"  # 3ⁿ
        and not _VALUE_CHARACTERS.intersection(token)
        and not any(word in token for word in _COMPARISONS)
    )
