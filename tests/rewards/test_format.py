"""The two formats; more responses are in the truth table."""

from __future__ import annotations

import time

import pytest

from sophia.rewards.format import FormatRule

GOOD = "<think>a</think><answer>4</answer>"


@pytest.mark.parametrize(
    ("text", "strict", "release"),
    [
        (GOOD, True, True),
        (f"\n{GOOD}\n", True, False),
        ("<think>a\nb</think>\n\n<answer>4</answer>", True, True),
        ("<think></think><answer></answer>", True, True),
        ("<think>a</think>so<answer>4</answer>", False, True),
        (GOOD + " Bye.", False, True),
        (GOOD + "<answer>5</answer>", False, True),
        ("<think><answer>4</answer></think>", False, False),
        ("<think>a</think><answer>4", False, False),
        ("<answer>4</answer><think>a</think>", False, False),
        ("<THINK>a</THINK><answer>4</answer>", False, False),
        ("4", False, False),
    ],
)
def test_formats(text: str, strict: bool, release: bool) -> None:
    assert FormatRule("strict")(text) == strict
    assert FormatRule("release")(text) == release


def test_unknown_pattern_is_named() -> None:
    with pytest.raises(ValueError, match=r"'loose'.*'release', 'strict'"):
        FormatRule("loose")  # type: ignore[arg-type]


@pytest.mark.parametrize("pattern", ["strict", "release"])
@pytest.mark.parametrize("tag", ["<think>", "</think>", "<answer>", "</think><answer>"])
def test_repeated_tags_cost_one_pass(pattern: str, tag: str) -> None:
    started = time.perf_counter()
    assert not FormatRule(pattern)("<think>" + tag * 100_000)  # type: ignore[arg-type]
    assert time.perf_counter() - started < 1.0
