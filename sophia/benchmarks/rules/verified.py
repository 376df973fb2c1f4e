"""Our own reading of an answer: the strict second number, and the rule where we are the official.

A choice is one option, by letter or text, and nothing that doubts it; yes or no likewise; a number
is one number, whatever its spelling; an expression is compared as mathematics. The checkers are
those of the outcome reward.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from sophia.benchmarks.item import UNPARSED, Graded, Item
from sophia.benchmarks.literal import literal
from sophia.benchmarks.rules.options import gold_letter, options_of
from sophia.rewards.outcome import CHECKERS, OutcomeReward
from sophia.rewards.tags import extract_answer
from sophia.types import Completion, Prompt

_SOLUTION_END = "####"
_BRACKETED = re.compile(r"^\(([A-Z])\)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    r"""Graded by the checker of a problem type, as in training.

    Of an answer with ``\boxed{}`` the boxes count. A gold answer may be a whole solution that ends
    in "#### 72" (GSM8K), a letter in brackets (CV-Bench), or a Python list, of which any element is
    right (MMMU). An answer that equals the gold but for case is right. Unparsed is an answer that
    hedges, contradicts itself or holds nothing of the kind, one that took too long, and any other
    answer to a gold that cannot be read.

    Args:
        problem_type: which checker, such as "multiple choice", "yes/no" or "math". A row without
            options is graded as "math" where the type is "multiple choice".
        tolerance: how far a number p may be from the gold g: |p - g| <= tolerance * |g|, absolute
            when g is 0.
    """

    problem_type: str
    tolerance: float = 0.0

    def __post_init__(self) -> None:
        if self.problem_type not in CHECKERS:
            raise ValueError(
                f"problem_type is {self.problem_type!r}; known are {sorted(CHECKERS)}."
            )
        if self.tolerance < 0:
            raise ValueError(f"tolerance is {self.tolerance}; it must be at least 0.")

    def __call__(self, item: Item, answer: str) -> Graded:
        options = options_of(item)
        is_choice = self.problem_type == "multiple choice"
        said = extract_answer(answer)
        if said is None:
            return UNPARSED
        completion = Completion(
            text=answer, token_ids=(), sampling_logps=(), finish_reason="stop", seed=0
        )
        gold = gold_letter(item, options) if is_choice else item.answer
        golds = _golds(gold, is_letter=is_choice and bool(options))
        texts = golds if gold == item.answer or said in options else (*golds, item.answer)
        if said.casefold() in (text.casefold() for text in texts if text):
            return Graded(score=1.0, extracted=said)
        verdicts = []
        for gold in golds:
            prompt = Prompt(
                uid=item.index,
                messages=(),
                answer=gold,
                problem_type="math" if is_choice and not options else self.problem_type,
                options=options if is_choice else {},
                tolerance=self.tolerance,
            )
            verdicts.append(_verifier().verdict(prompt, completion))
        best = max(verdicts, key=lambda verdict: (verdict.score or 0.0, verdict.failure is None))
        if best.failure is not None or best.score is None:
            return UNPARSED
        return Graded(score=best.score, extracted=said)


@functools.cache
def _verifier() -> OutcomeReward:
    """One for all rules of a process, whose workers start with the first answer that needs one."""
    return OutcomeReward()


def _golds(answer: str, *, is_letter: bool) -> Sequence[str]:
    text = answer.rpartition(_SOLUTION_END)[2].strip()
    if is_letter:
        return (_BRACKETED.sub(r"\1", text),)
    if text.startswith("[") and text.endswith("]"):
        try:
            found = literal(text)
        except ValueError:
            return (text,)
        if isinstance(found, list) and found and all(isinstance(one, str) for one in found):
            return found
    return (text,)
