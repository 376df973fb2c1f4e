"""One row of a benchmark, whatever file it came from, and what a rule says about an answer to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sophia.types import Media


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A question of a benchmark."""

    index: str
    """Names the row in its file."""
    question: str
    answer: str
    """The gold answer: a letter where there are options."""
    options: Mapping[str, str] = field(default_factory=dict)
    """The text of each option by its letter."""
    hint: str = ""
    images: tuple[Media, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    """What figures are taken by: category, split, task and so on."""
    extra: Mapping[str, str] = field(default_factory=dict)
    """Other columns that the rule or the prompt reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Graded:
    """What a rule makes of an answer: wrong where nothing could be read from it."""

    right: bool
    extracted: str | None
    """What was read from the answer; None where nothing was."""


Rule = Callable[[Item, str], Graded]
"""Grades an answer: the content of its answer tag, or all of it where there is none."""

UNPARSED = Graded(right=False, extracted=None)
