"""What is said to each question of a fixture, and every number that must come of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

UNCLOSED = "<think>It is B. No, wait: <answer>A</answer> 7 yes"
"""A response whose thinking was cut off: it has no answer, whatever it says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One benchmark.

    Args:
        name: as in ``benchmark=[NAME]``.
        answers: the response to each question, or several, in the order of the file.
        unparsed: of how many of them nothing could be read by the official rule.
        figures: every number that is reported, worked out by hand.
        places: the sources, by their places, whose fixtures hold the same questions.
    """

    name: str
    answers: Sequence[str | Sequence[str]]
    unparsed: int
    figures: Mapping[str, float]
    places: Sequence[int] = (0,)


def thought(answer: str) -> str:
    """A response in the format of the paper, which thinks of every answer that there is."""
    return f"<think>Hmm, A, B, yes or no, 1 or 2?</think><answer>{answer}</answer>"
