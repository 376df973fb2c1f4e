"""The outcome reward: is the final answer right?"""

from __future__ import annotations

from collections.abc import Callable

from sophia.rewards.tags import extract_answer
from sophia.types import Completion, Prompt


def _numerical(answer: str, gold: str) -> float:
    try:
        return float(float(answer) == float(gold))
    except ValueError:  # model text is untrusted
        return 0.0


def _multiple_choice(answer: str, gold: str) -> float:
    return float(answer.strip().upper() == gold.strip().upper())


CHECKERS: dict[str, Callable[[str, str], float]] = {
    "numerical": _numerical,
    "multiple choice": _multiple_choice,
}


class OutcomeReward:
    """Grades the final answer by the rule of the prompt's problem type, in [0, 1]."""

    def __call__(self, prompt: Prompt, completion: Completion) -> float | None:
        """None: the outcome could not be scored. A prediction without an answer is 0."""
        if prompt.problem_type not in CHECKERS:
            raise ValueError(
                f"prompt {prompt.uid!r} has problem type {prompt.problem_type!r};"
                f" known are {sorted(CHECKERS)}. Add a checker in sophia/rewards/outcome.py."
            )
        answer = extract_answer(completion.text)
        return 0.0 if answer is None else CHECKERS[prompt.problem_type](answer, prompt.answer)

    def metrics(self) -> dict[str, float]:
        """``outcome/*`` counts since the last call (unparsed predictions, time-outs)."""
        return {}
