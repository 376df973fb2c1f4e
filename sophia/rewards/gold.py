"""Whether a rule can grade a row at all: asked before a run trains on it."""

from __future__ import annotations

from collections.abc import Callable

from sophia.rewards.outcome import OutcomeReward
from sophia.types import Prompt

_OTHER = "-77345112"
"""A number that is no row's answer."""


def gold_checker(outcome: OutcomeReward) -> Callable[[Prompt], str | None]:
    """A function that says in words what is wrong with a prompt's gold answer; None: nothing.

    It grades two responses to every prompt: its own gold answer, and a number that is not it.
    The first must be right. The second finds answers that cannot be read: rules call a response
    that is letter by letter the gold right without reading either.
    """

    def check(prompt: Prompt) -> str | None:
        try:
            own, other = (outcome.grade(prompt, _response(a)) for a in (prompt.answer, _OTHER))
        except ValueError as error:  # a problem type without a rule
            return str(error)
        if own is None or other is None:
            return f"the answer {prompt.answer!r} cannot be read as {prompt.problem_type!r}"
        if own < 0.5:
            return f"the answer {prompt.answer!r}, given as a response, would score {own:.2f}"
        return None

    return check


def _response(answer: str) -> str:
    return f"<think>.</think><answer>{answer}</answer>"
