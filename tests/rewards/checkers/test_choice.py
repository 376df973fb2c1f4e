"""Multiple choice as properties: no answer is right for two options, and who doubts names none."""

from __future__ import annotations

import itertools
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sophia.rewards.outcome import grade
from tests.rewards.checkers.test_hacks import TWO_AT_ONCE

_OPTIONS = {
    "words": {"A": "a dog", "B": "a cat", "C": "parallel lines", "D": "none of these"},
    "angles": {"A": "70°", "B": "75°", "C": "80°", "D": "105°"},
    "signs": {"A": "5", "B": "-5", "C": ".5", "D": "-0.5"},
    "roots": {"A": "2\\sqrt{3}", "B": "\\frac{\\sqrt{3}}{2}", "C": "3√2", "D": "$\\sqrt{3}$ cm"},
    "equal values": {"A": "1/2", "B": "0.5", "C": "50", "D": "3"},
    "none": {},
}
_NAMING = (
    "{}", "({})", "{}.", "**{}**", "$\\text{{{}}}$", "Answer: {}", "The correct answer is ({}).",
    "**Final Answer:** {}", "Option {}", "I would choose {}", "{} is correct.", "答案：{}",
    "故选{}。", "{}\n\nBoth sides have the same length.", "{}. The lines do not meet.", "<{}>",
    "Looking at the figure, {}", "The sides are equal. Therefore, {}.",
    "{}, because they are equal",
)  # fmt: skip
_WITH_CONTENT = (
    "{letter}. {content}", "({letter}) {content}", "{letter}: {content}", "{letter}) {content}",
    "{letter} = {content}", "{letter}、{content}", "{letter} - {content}", "{letter} {content}",
    "**Answer: {letter}. {content}**", "The answer is ({letter}) {content}.",
    "The answer is {content}, so {letter}.", "{content}\n{letter}", "{letter}, which is {content}",
    "{letter}, since it is {content}",
)  # fmt: skip
_BETWEEN = (
    *TWO_AT_ONCE,
    "{a}. No, it is {b}", "{a}. So the answer is {b}", "{a}... wait, {b}", "{a} rather than {b}",
    "Answer: {a}\nAnswer: {b}", "{a} if not {b}", "{a}, as is {b}", "{a}. {b} is also right",
    "the answer is not {a}, it is either {b}", "{a} (but {b} is possible)", "{a}? {b}?",
    "I think {a}, but maybe {b}", "{a} because {b} is larger", "选{a}或{b}", "{a}, {a}, {b}",
    "The answer is {a}. The answer is {b}.", "{a} is correct and so is {b}", "{a} > {b}",
    "{a}. Or {b}.", "If {a} is wrong, {b}", "Neither {a} nor {b}", "{a} is correct, {b} is correct",
)  # fmt: skip
_TAKEN_BACK = (
    "not {}", "({}) is not the answer", "{} is wrong", "{} maybe", "either {}", "It could be {}",
    "{}. I'm not sure", "I don't know, {}", "the answer is not {}", "{}. All of the above",
    "不选{}", "{}. That is wrong", "{} is too small", "Anything except {}", "{}, or none of them",
)  # fmt: skip


def _right(answer: str, options: dict[str, str]) -> list[str]:
    """The single letters that an answer is right for."""
    response = f"<think>t</think><answer>{answer}</answer>"
    golds = options or dict.fromkeys("ABCD", "")
    return [gold for gold in golds if grade("multiple choice", response, gold, options) == 1.0]


@pytest.mark.parametrize("options", _OPTIONS.values(), ids=_OPTIONS)
def test_a_letter_names_its_option(options: dict[str, str]) -> None:
    for template, letter in itertools.product(_NAMING, "ABCD"):
        assert _right(template.format(letter), options) == [letter], template


@pytest.mark.parametrize("kind", ["words", "angles", "roots"])
@pytest.mark.parametrize("template", _WITH_CONTENT)
def test_content_beside_a_letter_must_be_its_own(template: str, kind: str) -> None:
    options = _OPTIONS[kind]
    for letter, other in itertools.product("ABCD", repeat=2):
        answer = template.format(letter=letter, content=options[other])
        assert _right(answer, options) == ([letter] if letter == other else []), answer


@pytest.mark.parametrize("kind", ["words", "angles", "signs", "roots"])
@pytest.mark.parametrize("template", ["{}", "$ {} $", "The answer is {}.", "So {}", "**{}**"])
def test_content_alone_names_its_option(template: str, kind: str) -> None:
    for letter, content in _OPTIONS[kind].items():
        assert _right(template.format(content), _OPTIONS[kind]) == [letter]


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ("75 degrees", ["B"]),
        ("75.0", ["B"]),
        ("The angle is 75^\\circ", ["B"]),
        ("75 rad", []),
        ("76", []),
        ("B. 76", []),
        ("b. 70", []),
        ("a = 75", ["B"]),
        ("B is 70°", []),
        ("I'm unsure, 75°", []),
        ("It is not\nB", []),
        ("The following is not the answer: B", []),
    ],
)
def test_angles_are_compared_as_values(answer: str, right: list[str]) -> None:
    assert _right(answer, _OPTIONS["angles"]) == right


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ("1/2", ["A"]),
        ("0.5", ["B"]),
        (".50", []),
        ("A. .50", []),
        ("D. .50", []),
        ("3.0", ["D"]),
    ],
)
def test_the_text_decides_between_equal_values(answer: str, right: list[str]) -> None:
    assert _right(answer, _OPTIONS["equal values"]) == right


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ("75", []),
        ("$75", ["C"]),
        ("D. €75", ["D"]),
        ("D. $75", []),
        ("x^2+1", ["A"]),
        ("$7.5$", ["B"]),
    ],
)
def test_a_dollar_is_a_currency_or_encloses_mathematics(answer: str, right: list[str]) -> None:
    assert _right(answer, {"A": "$x^2 + 1$", "B": "$7.50", "C": "$75", "D": "€75"}) == right


@pytest.mark.parametrize("options", _OPTIONS.values(), ids=_OPTIONS)
def test_two_letters_are_never_one_answer(options: dict[str, str]) -> None:
    for template, (a, b) in itertools.product(_BETWEEN, itertools.permutations("ABCD", 2)):
        assert _right(template.format(a=a, b=b), options) == [], (template, a, b)


@pytest.mark.parametrize("options", _OPTIONS.values(), ids=_OPTIONS)
def test_doubt_names_nothing(options: dict[str, str]) -> None:
    for template, letter in itertools.product(_TAKEN_BACK, "ABCD"):
        assert _right(template.format(letter), options) == [], template


@pytest.mark.parametrize("rejection", ["are too small", "are wrong", "are not correct"])
def test_rejecting_the_others_leaves_what_is_named(rejection: str) -> None:
    options = _OPTIONS["words"]
    assert _right(f"B. The others, A, C and D, {rejection}.", options) == ["B"]
    assert _right(f"A, C and D {rejection}, so B", options) == ["B"]
    assert _right(f"B. The others, A and B, {rejection}.", options) == []
    assert _right(f"A, C and D {rejection}", options) == []


_piece = st.sampled_from(
    ["A", "B", "c", "(D)", "75°", "70", "105 degrees", ".", ",", " ", "\n", "=", ":", "or", "not",
     "so", "because", "is", "too small", "the answer is", "correct", "the others", "and", "no",
     "选", "。", "$", "wait", "the sides are equal", "∠A", "-", "E"]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(_piece, max_size=9), st.booleans())
def test_any_answer_is_right_for_one_option_at_most(pieces: list[str], spaced: bool) -> None:
    answer = (" " if spaced else "").join(pieces)
    for options in (_OPTIONS["angles"], _OPTIONS["words"], {}):
        assert len(_right(answer, options)) <= 1


@pytest.mark.parametrize("bomb", ["B.", "选", "A, ", "answer is ", "A) ", "(", "so ", "75° (B) "])
def test_many_pieces_cost_little_time(bomb: str) -> None:
    started = time.process_time()
    _right(bomb * (1990 // len(bomb)), _OPTIONS["angles"])
    assert time.process_time() - started < 1.0
