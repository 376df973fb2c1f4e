"""The quick start's thinking judge: the scene is known, so the reasoning is checked by rule."""

from __future__ import annotations

import re
from collections.abc import Sequence
from concurrent.futures import Future

from sophia.metrics import Metric
from sophia.protocols import JudgeStep
from sophia.rewards.tags import extract_answer, extract_thinking
from sophia.types import Completion, Prompt

_CLAIM = re.compile(r"(\d{1,3}) *([+<>=]) *(\d{1,3})(?: *= *(\d{1,3}))?")
_SIDE = {">": "A", "<": "B", "=": "C"}


def score_thinking(text: str, digits: tuple[int, int]) -> float:
    """The thinking score, in [0, 1], of a response about these two digits.

    0.3 for each digit read right, 0.2 when the claim is true of the digits it names, 0.1 when the
    answer follows from it, 0.1 when it is said once and nothing else. The claim is the first
    ``a + b = c``, ``a > b``, ``a < b`` or ``a = b`` of the thinking; without one the score is 0.
    """
    thinking = extract_thinking(text) or ""
    claim = _CLAIM.search(thinking)
    if claim is None:
        return 0.0
    left, sign, right, total = int(claim[1]), claim[2], int(claim[3]), claim[4]
    conclusion = total if sign == "+" else _SIDE[sign]
    score = 0.3 * (left == digits[0]) + 0.3 * (right == digits[1])
    score += 0.2 * _is_true(left, sign, right, total)
    score += 0.1 * (conclusion is not None and extract_answer(text) == conclusion)
    score += 0.1 * (thinking.strip() == claim[0])
    return round(score, 3)


def _is_true(left: int, sign: str, right: int, total: str | None) -> bool:
    if sign == "+":
        return total is not None and left + right == int(total)
    return total is None and {"<": left < right, ">": left > right, "=": left == right}[sign]


class DigitsJudge:
    """A ThinkingJudge for the digits data, which answers at once."""

    def open_step(self) -> JudgeStep:
        """Start a step, which has no deadline, connection or cost."""
        return _DigitsStep()

    def close(self) -> None:
        """Do nothing: there is nothing to release."""


class _DigitsStep:
    def submit(
        self, prompt: Prompt, completions: Sequence[Completion]
    ) -> Future[tuple[float | None, ...]]:
        example = prompt.metadata.get("example")
        if example is None:
            raise ValueError(
                f"prompt {prompt.uid!r} is not from the digits data, so judge=digits cannot score"
                " it. For rows of your own begin with experiment=mine, or choose another judge"
                " (judge=none, judge=http)."
            )
        done: Future[tuple[float | None, ...]] = Future()
        done.set_result(tuple(score_thinking(c.text, example.digits) for c in completions))
        return done

    def metrics(self) -> dict[str, Metric]:
        return {}
