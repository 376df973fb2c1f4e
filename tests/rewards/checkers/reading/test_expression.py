"""What reaches math-verify: LaTeX that it cannot misread, or nothing."""

from __future__ import annotations

import pytest

from sophia.rewards.checkers.reading.expression import expression


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("2\\frac{1}{2}x", "(2+\\frac{1}{2}) \\cdot x"),  # else 2 * 1/2
        ("√17x", "\\sqrt{17}x"),  # else the root of 1, times 7
        ("0\\max(42)", "0 \\cdot \\max(42)"),  # else 42
        ("\\sin 30^\\circ", "\\sin \\frac{30 \\pi}{180}"),
        ("The answer is $x+1$.", "x+1"),
        ("$x$ and $y$", "x, y"),
        ("\\left(x+1\\right)\\text{ cm}", "(x+1 )"),
    ],
)
def test_it_is_spelled_out(text: str, latex: str) -> None:
    assert expression(text) == latex


@pytest.mark.parametrize(
    "text",
    [
        "0\\quad 42x", "42_7", "42^T", "42^{\\top}", "0'x", "0{x}", "x=0{42}", "[0][x]", "0(42)",
        "x+1...y", "42x\\ldots", "\\phantom{7}42", "42\\text{ wrong}", "$x$ or 6", "x maybe",
        "x\\pmod{3}",
    ],
)  # fmt: skip
def test_what_math_verify_would_misread_is_refused(text: str) -> None:
    assert expression(text) is None
