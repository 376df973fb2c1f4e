"""Ways to say two things at once, and noise: nothing of it may earn a score or raise an error."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

import pytest

from sophia.rewards.outcome import CHECKERS, OutcomeReward
from tests.rewards.builders import answering, completion, prompt

TWO_AT_ONCE = (
    "{a} or {b}", "{a}, {b}", "{a},{b}", "{a};{b}", "{a} {b}", "{a}/{b}", "{a}|{b}", "{a}\n{b}",
    "{a} and {b}", "{a} & {b}", "{a}\\quad {b}", "{a}\\\\{b}", "{a}\\text{{ or }}{b}",
    "${a}$ ${b}$", "${a}$ or ${b}$", "${a}$ then {b}", "\\({a}\\) \\({b}\\)", "({a})({b})",
    "[{a}][{b}]",
    "{{{a}}}{{{b}}}", "({a},{b})", "[{a},{b}]", "\\{{{a},{b}\\}}", "{a}={b}", "{b}={a}",
    "x={b}={a}", "x={a}, x={b}", "x={a}\\lor x={b}", "{a}\\pm {b}", "{a}<x<{b}",
    "{a}\\text{{ not }}{b}",
    "not {b} but {a}", "{a} (or {b})", "{a}'{b}", "{a}\\${b}", "{a}...{b}", "{a}_{b}", "{a}^{b}",
    "{a}{b}", "{a}%{b}", "either {a} or {b}", "{a} maybe", "between {a} and {b}", "{a}-{b}",
    "\\boxed{{{a}}}\\boxed{{{b}}}", "\\boxed{{{a} \\boxed{{{b}}}}}", "{a}e{b}",
)  # fmt: skip

_BOMBS = (
    "1" * 100_000, "{" * 100_000, "\\boxed{" * 20_000, "<answer>" * 20_000, "B " * 50_000,
    "\\frac{1}{" * 20_000, "^2" * 50_000, "1,000" * 20_000, "猫" * 100_000, " " * 100_000,
    "~" * 100_000, "5" + "~" * 900 + "x", "1^" * 199 + "1",
)  # fmt: skip


@pytest.fixture(scope="module")
def reward() -> Iterator[OutcomeReward]:
    reward = OutcomeReward(timeout_s=20.0, num_workers=1)
    yield reward
    reward.close()


@pytest.mark.parametrize("template", TWO_AT_ONCE)
def test_two_numbers_at_once(template: str, reward: OutcomeReward) -> None:
    """Neither is right: at most one could be, what a single guess would get."""
    answer = template.format(a="13", b="29")
    scores = [reward(prompt(answer=gold), answering(answer)) for gold in ("13", "29")]
    assert scores == [0.0, 0.0]


@pytest.mark.parametrize("template", TWO_AT_ONCE)
def test_two_options_at_once(template: str, reward: OutcomeReward) -> None:
    answer = template.format(a="B", b="C")
    options = {"A": "one", "B": "two", "C": "three", "D": "four"}
    rows = [prompt(answer=a, problem_type="multiple choice", options=options) for a in "BC"]
    scores = [reward(row, answering(answer)) for row in rows]
    assert scores == [0.0, 0.0] or template == "{a} maybe"


@pytest.mark.parametrize("problem_type", sorted(CHECKERS))
def test_noise_is_graded_without_an_error(problem_type: str, reward: OutcomeReward) -> None:
    generator = random.Random(0)
    alphabet = "0123456789.,/%$^_{}()[]\\<>=+-*!?'\"&|~ \n\tabcxyzABC½²×π−°，猫я🚫\u200b\u0660\x00"
    for _ in range(60):
        noise = "".join(generator.choices(alphabet, k=generator.randrange(40)))
        row = prompt(answer="the gold", problem_type=problem_type, options={"A": "the gold"})
        score = reward(row, completion(noise))
        assert score is None or 0.0 <= score <= 1.0
        assert reward(prompt(answer="17"), answering(noise)) == 0.0


@pytest.mark.parametrize("problem_type", sorted(CHECKERS))
@pytest.mark.parametrize("bomb", _BOMBS, ids=lambda bomb: bomb[:9])
def test_long_answers_cost_no_time(problem_type: str, bomb: str, reward: OutcomeReward) -> None:
    row = prompt(answer="B", problem_type=problem_type, options={"A": "cat", "B": "dog"})
    if problem_type in ("math", "numerical"):
        row = prompt(answer="\\sqrt{2}", problem_type=problem_type)
    if problem_type == "yes/no":
        row = prompt(answer="yes", problem_type=problem_type)
    started = time.perf_counter()
    score = reward(row, answering(bomb))
    assert time.perf_counter() - started < 3.0
    assert score is not None
    assert score < (0.37 if problem_type == "OCR" else 0.001)  # one wrong word is exp(-1)
