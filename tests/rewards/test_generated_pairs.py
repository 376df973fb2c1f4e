"""The generated pairs: equal by seed, half right, and labelled as a second computation says."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator

import pytest

from experiments.graders.pairs import KINDS, ONLY_WRONG, Pair, pairs
from sophia.rewards.outcome import OutcomeReward
from tests.rewards.builders import answering, prompt

COUNT = 120 * len(KINDS)
ALL = list(pairs(COUNT, seed=1))
COMPUTED = {
    "integers",
    "decimals",
    "thousands",
    "fractions",
    "decimal numerators",
    "mixed numbers",
    "scientific",
    "signs",
    "unevaluated",
    "full width",
    "roots",
    "multiples of pi",
    "roots and pi in fractions",
    "sums with roots",
}
DIGITS = str.maketrans(
    "０１２３４５６７８９．－（），⁰¹²³⁴⁵⁶⁷⁸⁹⁻−–", "0123456789.-(),0123456789---"
)
REWRITES = [
    (r"\\!|\u202f", ""),
    (r"(\d)(?:,|\{,\}|\\,| )(?=\d{3}(?!\d))", r"\1"),
    (r"(\d+) (\d+/\d+)", r"(\1+\2)"),
    (r"\\[dt]?frac(\d)(\d)", r"\\frac{\1}{\2}"),
    (r"(\d+) ?\\d?frac\{(\d+)\}\{(\d+)\}", r"(\1+\2/\3)"),
    (r"\\sqrt(\d)", r"sqrt(\1)"),
    (r"\\?sqrt\{(\d+)\}|√\{(\d+)\}|√(\d+)", r"sqrt(\1\2\3)"),
    (r"√", "sqrt"),
    (r"\\?pi|π", "pi"),
    (r"\\[dt]?frac\{([^{}]*)\}\{([^{}]*)\}", r"((\1)/(\2))"),
    (r"\\times|\\cdot|×|(?<= )x(?= )", "*"),
    (r"\^\{?(-?\d+)\}?", r"**(\1)"),
    (r"([\d)]) *(?=sqrt|pi|\()", r"\1*"),
]
"""What makes Python of the spellings of data sets and models."""


def number(text: str) -> float | tuple[float, ...] | None:
    """What a short text of arithmetic comes to by Python's own rules; None for no arithmetic."""
    superscript = re.sub(r"(?<=10)([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)", r"^\1", text)
    python = superscript.translate(DIGITS)
    for pattern, replacement in REWRITES:
        python = re.sub(pattern, replacement, python)
    try:
        value = eval(python, {"__builtins__": {}, "sqrt": math.sqrt, "pi": math.pi})
    except SyntaxError:
        return None
    assert isinstance(value, int | float | tuple), text
    return value


def of(kind: str) -> list[Pair]:
    return [pair for pair in ALL if pair.kind == kind]


def test_a_seed_gives_the_same_pairs_and_another_others() -> None:
    assert list(pairs(200, seed=3)) == list(pairs(200, seed=3))
    assert list(pairs(200, seed=3)) != list(pairs(200, seed=4))


def test_every_class_is_drawn_equally_often() -> None:
    assert Counter(pair.kind for pair in ALL) == dict.fromkeys(KINDS, 120)


def test_half_of_a_class_is_right() -> None:
    for kind in KINDS:
        share = sum(pair.right for pair in of(kind)) / 120
        assert share == 0 if kind in ONLY_WRONG else 0.4 <= share <= 0.6, kind


def test_no_pair_is_both_right_and_wrong() -> None:
    for kind in KINDS:
        seen = {(p.gold, p.answer, tuple(p.options.items())): p.right for p in of(kind)}
        assert all(seen[p.gold, p.answer, tuple(p.options.items())] == p.right for p in of(kind))
        assert all(p.right for p in of(kind) if p.gold == p.answer), kind


@pytest.mark.parametrize("kind", sorted(COMPUTED))
def test_labels_agree_with_another_computation(kind: str) -> None:
    computed = 0
    for pair in of(kind):
        gold, answer = number(pair.gold), number(pair.answer)
        if isinstance(gold, int | float) and isinstance(answer, int | float):
            assert math.isclose(gold, answer, rel_tol=1e-8) == pair.right, pair
            computed += 1
        elif isinstance(gold, tuple):
            assert (gold == answer) == pair.right, pair
            computed += 1
    assert computed >= 100


def test_options_are_there_for_choices_only() -> None:
    for pair in ALL:
        assert pair.problem_type == "multiple choice" or not pair.options
        assert not pair.options or pair.gold in pair.options


@pytest.fixture(scope="module")
def reward() -> Iterator[OutcomeReward]:
    reward = OutcomeReward(num_workers=1)
    yield reward
    reward.close()


@pytest.mark.parametrize("kind", KINDS)
def test_the_graders_say_what_the_labels_say(kind: str, reward: OutcomeReward) -> None:
    for pair in of(kind)[:40]:
        row = prompt(answer=pair.gold, problem_type=pair.problem_type, options=pair.options)
        assert reward(row, answering(pair.answer)) == float(pair.right), pair
