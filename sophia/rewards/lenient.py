"""Where the answer of a model that was never taught the tags may stand; for evaluation."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Collection, Iterator

from sophia.rewards.tags import ANSWER_CLOSE, ANSWER_OPEN, extract_answer, last_boxed

_MOST = 20  # of one kind of marker so many are looked at, the last ones, so that time is bounded
_LONGEST_OBJECT, _MOST_BRACKETS = 10_000, 300

_THINKING = re.compile(r"<(?P<close>/?)think(?:ing)?>", re.IGNORECASE)
_TAG = re.compile(r"<(?P<close>/?)(?:final[ _-]?)?answer>", re.IGNORECASE)
_OBJECT = re.compile(r"\{\s*\"")
_LATEX_IN_JSON = re.compile(r"(?<!\\)\\(?=[A-Za-z]{2})(?!u[0-9a-fA-F]{4})")
_JSON = json.JSONDecoder(strict=False, parse_int=str, parse_float=str, parse_constant=str)
_HASHES = re.compile(
    r"^[ \t]{0,8}####[ \t]{0,8}(?!\d{1,2}[.):][ \t])"  # "#### 1. Compute" is a heading
    r"([A-J][.)]?|[-+−$€£(]{0,3}[\d\\]\S{0,60}(?:[ \t]\S{1,20}){0,2})[ \t]{0,8}$",
    re.MULTILINE,
)
_STATEMENT = re.compile(
    r"(?:\b(?:answer|ans)\b|\b(?:choice|option)\b(?=[^\n]{0,20}\b(?-i:[A-Z])\b))"
    r"(?:[ \t](?:to|for)\b[^.:\n]{1,80}?(?=[ \t](?:is|was)\b|:))?"
    r"[*_`]{0,3}[ \t]{0,3}(?:(?:is|was|would be|should be|must be)\b|[:：=])"
    r"(?:[ \t](?:therefore|thus|simply|then|definitely)\b,?)?(?:[ \t](?:option|choice)\b)?"
    r"|^[#*_ \t]{0,8}(?:(?:the|final|correct)[ \t]){0,2}answer[*_ \t]{0,4}\n"
    r"|答案(?:应该|应)?(?:是|为|[:：])|[故应]选择?",
    re.IGNORECASE | re.MULTILINE,
)
_OPENING = re.compile(r"(?:[\s:：*`]|\\\[|\\\(|\$\$)+")
_NO_ANSWER = re.compile(r"(?:not|never)\b|(?:incorrect|correct|wrong|right|as follows)\W*$", re.I)
_SENTENCE = re.compile(
    r"(?:[(\[*]{0,3}[A-Z][)\]*]{0,3}\.\*{0,2}[ \t]"  # the point of "B. cat" ends no sentence
    r"(?!(?:The|This|That|These|It|They|All|Other|Option|We|I|So|If|In|As|For|However)\b))?"
    r"(?:[^\n。！？；.!?$]|(?<=\bapprox)\.|(?<=\b(?:Dr|Mr|St|vs))\.|[.!?](?![*\"')\]]{0,3}(?:\s|$))"
    r"|\$(?!\$))*"
)
_LINE = re.compile(r"^.*\w.*$", re.MULTILINE)
_REASON = re.compile(r"(?<=\S),?\s+(?:because|since)\b|，?因为", re.IGNORECASE)
_CONFIRMED = re.compile(
    r"(?<![\w'’])[(\[*]{0,3}([A-Z])[)\]*]{0,3}\s{1,3}is\s(?:the\s)?(?:correct|right|best)\b"
)
_FINAL_LETTER = re.compile(
    r"(?<![\w'’=+\-(\[{*])(?<!\bnot )(?<!\bpoint )(?<!\bangle )"
    r"[(\[{*]{0,3}([A-Z])[)\]}*]{0,3}[\s.。!*]{0,4}$"
)
_ARTICLE = r"A\s(?!and\b|or\b)[a-z]"
_STANDING_LETTER = re.compile(rf"(?<![A-Za-z'’])(?!{_ARTICLE})([A-Z])(?![A-Za-z'’])")
_FIRST_LINES = {
    "multiple choice": re.compile(r"[(\[*]{0,3}([A-Z])(?:[)\]*.:]{1,4}(?:\s.{0,200})?)?"),
    "yes/no": re.compile(r"\**(?:yes|no|true|false)\b.{0,200}", re.IGNORECASE),
}
_NUMBER_ALONE = re.compile(r"[-+−$€£]{0,2}\d[\d.,/]{0,30}\s{0,2}(?:[%°]|[A-Za-z²³/]{1,12})?\.?")


def lenient_answer(
    text: str, *, problem_type: str = "math", letters: Collection[str] = ()
) -> str | None:
    """Where the final answer of a response seems to stand; None when nothing is left to read.

    Only what follows the last ``</think>`` counts, and nothing when one is opened after it. There,
    in this order, and of several of one kind the last that is not empty: what ``extract_answer``
    reads in an ``<answer>`` block; a tag spelt otherwise (``<ANSWER>``, ``<final_answer>``) or not
    closed, to the end of its line; a JSON object's field ``answer`` or ``final_answer``;
    ``#### 42``; a box; a sentence ("the answer is", "Answer:", "答案是"), to its end; a first line
    that is the answer alone; the letter that the last line calls right or ends with; that line. In
    OCR neither hashes nor sentences are looked for; of OCR and prose the last resort is the whole
    text.

    Args:
        text: the response.
        problem_type: that of the prompt; letters count for ``multiple choice`` alone.
        letters: those of the prompt's options; empty: A to J.
    """
    thinking = next(_backwards(_THINKING, text), None)
    if thinking and not thinking["close"]:
        return None
    final = text[thinking.end() :] if thinking else text
    for reader in _READERS_OF_OCR if problem_type == "OCR" else _READERS:
        if answer := next(filter(None, reader(final)), None):
            return answer
    if problem_type in ("OCR", "free-form", "text"):
        return final.strip() or None
    return _unmarked(final, problem_type, frozenset(letters or "ABCDEFGHIJ")) or None


def _tagged(final: str) -> Iterator[str]:
    if ANSWER_OPEN in final:
        yield extract_answer(final) or ""


def _otherwise_tagged(final: str) -> Iterator[str]:
    end, closed = len(final), False
    for tag in _backwards(_TAG, final):
        if not tag["close"]:
            content = final[tag.end() : end].strip()
            yield _opened(content if closed else content.partition("\n")[0])
        end, closed = tag.start(), bool(tag["close"])


def _in_json(final: str) -> Iterator[str]:
    for match in _backwards(_OBJECT, final):
        piece = final[match.start() : match.start() + _LONGEST_OBJECT]
        if piece.count("{") + piece.count("[") > _MOST_BRACKETS:
            continue
        try:
            found, _ = _JSON.raw_decode(_LATEX_IN_JSON.sub(r"\\\\", piece))
        except ValueError:  # model text may be broken
            continue
        for key, value in reversed(found.items()):
            if re.sub(r"[\W_]", "", key.lower()) in ("answer", "finalanswer"):
                yield _opened(_as_text(value))


def _as_text(value: object) -> str:
    """A JSON value as an answer; "" for null and for objects."""
    if isinstance(value, list):
        return ", ".join(filter(None, map(_as_text, value)))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else ""


def _behind_hashes(final: str) -> Iterator[str]:
    return (_opened(match[1]) for match in _backwards(_HASHES, final))


def _boxed(final: str) -> Iterator[str]:
    if last_boxed(final) is not None:
        yield extract_answer(final.replace(ANSWER_OPEN, "")) or ""


def _stated(final: str) -> Iterator[str]:
    for match in _backwards(_STATEMENT, final):
        opening = _OPENING.match(final, match.end())
        sentence = _sentence(final, match.end() if opening is None else opening.end())
        if not _NO_ANSWER.match(sentence):
            yield _bare(_REASON.split(sentence)[0])


def _unmarked(final: str, problem_type: str, letters: frozenset[str]) -> str:
    lines = [line.strip() for line in _LINE.findall(final)]
    if not lines:
        return ""
    is_choice = problem_type == "multiple choice"
    alone = _FIRST_LINES.get(problem_type, _NUMBER_ALONE).fullmatch(lines[0])
    if alone and (not is_choice or alone[1] in letters):
        return _bare(_sentence(lines[0], 0) if is_choice else lines[0])
    if not is_choice:
        return _bare(lines[-1])
    confirmed = next(_backwards(_CONFIRMED, lines[-1]), None)
    if confirmed and confirmed[1] in letters:
        return confirmed[1]
    letter = _FINAL_LETTER.search(lines[-1][-60:])
    if letter and letters.intersection(_STANDING_LETTER.findall(lines[-1])) == {letter[1]}:
        return letter[1]
    return _bare(lines[-1])


def _backwards(marker: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    return reversed(deque(marker.finditer(text), maxlen=_MOST))


def _sentence(text: str, start: int) -> str:
    match = _SENTENCE.match(text, start)
    return "" if match is None else match[0]


def _opened(content: str) -> str:
    """What stands in a marker, its box opened as in an answer block."""
    return extract_answer(f"{ANSWER_OPEN}{_bare(content)}{ANSWER_CLOSE}") or ""


def _bare(answer: str) -> str:
    """Without the marks of Markdown and display mathematics around it, and its full stop."""
    plain = answer.strip(" \t\n*`").rstrip(" .。*`")
    for opening, closing in (("\\(", "\\)"), ("\\[", "\\]")):
        plain = plain.removeprefix(opening).removesuffix(closing).strip()
    return plain


_READERS = (_tagged, _otherwise_tagged, _in_json, _behind_hashes, _boxed, _stated)
_READERS_OF_OCR = (_tagged, _otherwise_tagged, _in_json, _boxed)
