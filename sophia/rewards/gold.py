"""Whether a rule can grade a row at all: asked before a run trains on it."""

from __future__ import annotations

from collections.abc import Callable

from sophia.rewards.outcome import OutcomeReward
from sophia.types import Prompt


def gold_checker(outcome: OutcomeReward) -> Callable[[Prompt], str | None]:
    """A function that says in words what is wrong with a prompt's gold answer; None: nothing.

    It grades the gold answer given as a response, which must be right.
    """

    def check(prompt: Prompt) -> str | None:
        try:
            own = outcome.grade(prompt, f"<think>.</think><answer>{prompt.answer}</answer>")
        except ValueError as error:  # a problem type without a rule
            return str(error)
        if own is None:
            return f"the answer {prompt.answer!r} cannot be read as {prompt.problem_type!r}"
        if own < 0.5:
            return f"the answer {prompt.answer!r}, given as a response, would score {own:.2f}"
        return None

    return check
