"""The formats; more responses are in the truth table."""

from __future__ import annotations

import itertools
import time
from typing import Any

import pytest

from sophia.rewards.format import FormatRule, ReleaseFormat, ResponseFormat

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
    assert FormatRule()(text) == strict
    assert ReleaseFormat()(text) == release


DESCRIBED = FormatRule(blocks=("description", "think"), final="boxed")
R1_REWARD = FormatRule(gap="none")


@pytest.mark.parametrize(
    ("rule", "text", "expected"),
    [
        # Vision-SR1's: a description, the thinking, a box
        (DESCRIBED, "<description>d</description>\n<think>t</think>\n\n\\boxed{4}", True),
        (DESCRIBED, "<description>d</description><think>t</think>\\boxed{\\frac{1}{2}}", True),
        (DESCRIBED, "<think>t</think><description>d</description>\\boxed{4}", False),
        (DESCRIBED, "<think>t</think>\\boxed{4}", False),
        (DESCRIBED, "<description>d</description><think>t</think>", False),
        (DESCRIBED, "<description>d</description><think>t</think>\\boxed{4", False),
        (DESCRIBED, "<description>d</description><think>t</think>It is \\boxed{4}", False),
        (DESCRIBED, "<description>d</description><think>t</think>\\boxed{4}.", False),
        (DESCRIBED, "<description>d</description><think>t</think>\\boxed{4} \\boxed{5}", False),
        (DESCRIBED, "<description>d</description><think>\\boxed{3}</think>\\boxed{4}", True),
        (DESCRIBED, "<description>d</description>so<think>t</think>\\boxed{4}", False),
        # R1-Reward's: not even a line break between the tags
        (R1_REWARD, GOOD, True),
        (R1_REWARD, "<think>a</think>\n<answer>4</answer>", False),
        (R1_REWARD, "<think>\na\n</think><answer>\n4\n</answer>", True),
        (R1_REWARD, f"{GOOD}\n", True),
        # the answer alone
        (FormatRule(blocks=()), "<answer>4</answer>", True),
        (FormatRule(blocks=()), "so <answer>4</answer>", False),
        (FormatRule(blocks=(), final="boxed"), " \\boxed{4} ", True),
        (FormatRule(blocks=(), final="boxed"), "4", False),
        (FormatRule(final="boxed", gap="none"), "<think>t</think> \\boxed{4}", False),
        (FormatRule(final="boxed", gap="none"), "<think>t</think>\\boxed{4}", True),
    ],
)
def test_formats_of_blocks(rule: FormatRule, text: str, expected: bool) -> None:
    assert rule(text) == expected


def strict_before(text: str) -> bool:
    """The rule of the pattern ``strict``, word for word as it was before there were blocks."""
    stripped, tags = text.strip(), ("<think>", "</think>", "<answer>", "</answer>")
    if any(stripped.count(t) != 1 for t in tags):
        return False
    between = stripped.partition("</think>")[2].partition("<answer>")[0]
    order = [stripped.find(t) for t in tags]
    outside = stripped.startswith("<think>") and stripped.endswith("</answer>")
    return outside and order == sorted(order) and not between.strip()


def test_the_default_is_what_strict_was() -> None:
    pieces = ("<think>", "</think>", "<answer>", "</answer>", "a", " \n", "")
    rule, seen = FormatRule(), set()
    for chosen in itertools.product(pieces, repeat=6):
        text = "".join(chosen)
        assert rule(text) == strict_before(text), text
        seen.add(rule(text))
    assert seen == {True, False}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"blocks": ["<think>"]}, r"format block '<think>' is no tag name: letters, digits and _"),
        ({"blocks": [""]}, r"format block '' is no tag name"),
        ({"blocks": ["think", "answer"]}, r"'answer' is the final answer, .* final=answer"),
        ({"blocks": ["a", "b", "a"]}, r"format block 'a' is there twice"),
        ({"blocks": "think"}, r"format blocks are 'think'; give a list of tag names: \[think\]"),
    ],
)
def test_blocks_that_are_no_tags_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FormatRule(**settings)


@pytest.mark.parametrize(
    "rule", [FormatRule(), ReleaseFormat(), DESCRIBED], ids=["blocks", "release", "boxed"]
)
@pytest.mark.parametrize(
    "tag", ["<think>", "</think>", "<answer>", "</think><answer>", "\\boxed{", "{}"]
)
def test_repeated_tags_cost_one_pass(rule: ResponseFormat, tag: str) -> None:
    started = time.perf_counter()
    assert not rule("<think>" + tag * 100_000)
    assert not rule("<description></description><think></think>\\boxed{" + tag * 100_000)
    assert time.perf_counter() - started < 1.0
