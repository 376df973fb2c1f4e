"""A benchmark: where its rows are, how they are asked, by what rule and in what figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sophia.benchmarks.figures.figure import Figure
from sophia.benchmarks.item import AskedRule, ItemPrompt, Items, Rule, Source

OVERALL = "overall"
"""The figure that a benchmark is known by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """One benchmark as a configuration describes it.

    Args:
        title: how people call it.
        sources: the layouts it is published in; the first that is there is read.
        prompt: makes the user turn of an item.
        rule: the official rule; the content of the answer tag is graded, or all of an answer
            without one.
        figures: what is reported, by name; ``overall`` is the number that it is known by.
        strict: our own rule where it is stricter; its numbers stand apart, under their own name.
        asked: how a served model is asked where the rule alone could not read an answer.
        needs_judge: whether the official number needs such a model; without one the title says
            "(rule)".
        reference: published numbers in points: figure -> policy -> number.
        notes: which definition is printed, where there are several.
    """

    title: str
    sources: Sequence[Source]
    prompt: ItemPrompt
    rule: Rule
    figures: Mapping[str, Figure]
    strict: Rule | None = None
    asked: AskedRule | None = None
    needs_judge: bool = False
    reference: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    notes: str = ""

    def __post_init__(self) -> None:
        if OVERALL not in self.figures:
            raise ValueError(
                f"benchmark {self.title} has no figure {OVERALL!r}, only"
                f" {', '.join(self.figures) or 'none'}; that is the one shown first."
            )

    def read(self, root: Path, *, cache: Path) -> Items:
        """The rows of the first source that is there.

        Raises ValueError where none is, or where the one that is cannot be used.
        """
        for source in self.sources:
            path = source.find(root)
            if path is not None:
                return source.read(path, cache=cache)
        places = "; or ".join(source.expected(root) for source in self.sources)
        raise ValueError(
            f"{self.title} is not there. Expected is {places}. Nothing is downloaded here; a folder"
            f" other than {root} is named by benchmark_root=FOLDER or the environment variable"
            " LMUData."
        )

    def shown_title(self, *, judged: bool) -> str:
        """The title, which says where a model should have read what the rule could not."""
        return f"{self.title} (rule)" if self.needs_judge and not judged else self.title
