"""Where the answer and the thinking are found."""

from __future__ import annotations

import pytest

from sophia.rewards.tags import extract_answer, extract_thinking, gold_text, last_boxed


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("<think>a</think><answer> 4 </answer>", "4"),
        ("<think>a</think><answer></answer>", ""),
        ("<think><answer>4</answer></think>", None),
        ("<think>a</think><answer><answer>4</answer></answer>", "4"),
        ("<think>a</think> \\boxed{\\frac{1}{2}} ", "\\frac{1}{2}"),
        ("<think>a</think><answer>$\\boxed{\\{1, 2\\}}$</answer>", "\\{1, 2\\}"),
        ("just text", "just text"),
        ("  ", None),
    ],
)
def test_extract_answer(text: str, answer: str | None) -> None:
    assert extract_answer(text) == answer


@pytest.mark.parametrize(
    ("text", "thinking"),
    [
        ("<think> a </think><answer>4</answer>", "a"),
        ("<think>a</think>b<think>c</think>d", "a</think>b<think>c"),
        ("a</think><answer>4</answer>", "a"),
        ("<think>a", None),
        ("<answer>4</answer>", None),
    ],
)
def test_extract_thinking(text: str, thinking: str | None) -> None:
    assert extract_thinking(text) == thinking


@pytest.mark.parametrize(
    ("answer", "gold"),
    [
        ("4", "4"),
        ("<answer>4</answer>", "4"),
        ("<answer> $4$ </answer>", "$4$"),
        ("so $\\boxed{1}$ and $\\boxed{2}$", "1, 2"),
    ],
)
def test_gold_text(answer: str, gold: str) -> None:
    assert gold_text(answer) == gold


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("\\boxed{1} then \\boxed{2}", "2"),
        ("\\boxed{1}, $\\boxed{2}$ and \\boxed{3}", "1, 2, 3"),
        ("\\boxed{\\boxed{2}}", "2"),
        ("\\boxed{x \\boxed{2}}", ""),
        ("\\boxed{1} then \\boxed{2", ""),
        ("\\fbox{2}", "2"),
        ("2", None),
    ],
)
def test_last_boxed(text: str, content: str | None) -> None:
    assert last_boxed(text) == content
