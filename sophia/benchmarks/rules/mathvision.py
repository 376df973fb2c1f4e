"""MathVision by our own verifier: a lower bound of the judged number."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sophia.benchmarks.item import Graded, Item
from sophia.benchmarks.rules.choice import Choice
from sophia.benchmarks.rules.options import options_of
from sophia.benchmarks.rules.verified import Verified


@dataclass(frozen=True, slots=True, kw_only=True)
class MathVisionVerified:
    """Rows with choices by ``Choice``, as in VLMEvalKit; others are compared as mathematics.

    Theirs compares the latter by ``is_equal``, which runs the answer as a program, and then
    asks a judge to extract what did not agree.
    """

    def __call__(self, item: Item, answer: str) -> Graded:
        if options := options_of(item):
            return Choice()(replace(item, options=options), answer)
        return Verified(problem_type="math")(item, answer)
