"""Cutting a batch into forwards of a bounded size, as many as every other process makes.

Shapes: G groups, B completions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate, pairwise

from sophia.types import EncodedPrompt, RowsKind, TrainBatch

SequenceSpan = tuple[int, int]
"""The completions (start, stop) of a micro-batch; consecutive spans cover a batch."""

_HALVINGS = 12  # how often the range of budgets is halved to find the evenest cut


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenBudget:
    """How much one forward may hold.

    Args:
        tokens: the most tokens of the language model, prompts and padding included.
        rows: the layout of a batch: whether a prompt is computed once per group or per completion.
        tokens_per_patch: how many tokens a patch of an image counts as; 0 when the vision tower is
            not part of the forward.
    """

    tokens: int
    rows: RowsKind
    tokens_per_patch: float = 0.0

    def number(self, batch: TrainBatch) -> int:
        """How many micro-batches this process alone would cut a batch into."""
        return len(_greedy(_Tokens(batch, self), self.tokens))

    def spans(self, batch: TrainBatch, *, most: Callable[[int], int]) -> list[SequenceSpan]:
        """Micro-batches of a batch: few, even, and equally many on all processes.

        A group is split only when it alone is over the budget; a single completion over it is
        computed all the same.

        Args:
            batch: the batch that is cut, of an optimizer step or a whole rollout.
            most: gives the largest of all processes' numbers for this process's own.
        """
        tokens = _Tokens(batch, self)
        number = most(len(_greedy(tokens, self.tokens)))
        low, high = 0.0, float(self.tokens)
        for _ in range(_HALVINGS):  # the smallest budget that needs no more of them is the evenest
            middle = (low + high) / 2
            low, high = (low, middle) if len(_greedy(tokens, middle)) <= number else (middle, high)
        spans = _greedy(tokens, high)
        while len(spans) < number:
            _split_largest(tokens, spans)
        return spans


class _Tokens:
    """How many tokens a forward over any span of a batch holds, patches counted as tokens."""

    def __init__(self, batch: TrainBatch, budget: TokenBudget) -> None:
        self.group_ids: list[int] = batch.group_ids.tolist()
        self._shared = budget.rows == "shared"
        lengths: list[int] = batch.lengths.tolist()
        prompts = [len(p.prompt_ids) for p in batch.prompts]
        vision = [budget.tokens_per_patch * _num_patches(p) for p in batch.prompts]
        # Sums up to each completion and each group, so that a span is two differences.
        self._lengths = [0, *accumulate(lengths)]
        self._prompts = [0.0, *accumulate(p - 1 + v for p, v in zip(prompts, vision, strict=True))]
        self._rows = [prompts[g] + r for g, r in zip(self.group_ids, lengths, strict=True)]
        self._vision = [0.0, *accumulate(vision[g] for g in self.group_ids)]

    def of(self, span: SequenceSpan) -> float:
        """Tokens of a forward over the completions start..stop-1."""
        start, stop = span
        if not self._shared:
            padded = (stop - start) * max(self._rows[start:stop])
            return padded + self._vision[stop] - self._vision[start]
        first, last = self.group_ids[start], self.group_ids[stop - 1]
        prompts = self._prompts[last + 1] - self._prompts[first]
        return prompts + self._lengths[stop] - self._lengths[start]

    def groups(self) -> list[SequenceSpan]:
        """The span of each group."""
        ids = self.group_ids
        starts = [i for i in range(len(ids)) if i == 0 or ids[i] != ids[i - 1]]
        return list(pairwise([*starts, len(ids)]))


def _greedy(tokens: _Tokens, budget: float) -> list[SequenceSpan]:
    """As few spans within the budget as going through the batch once finds, groups whole."""
    spans: list[SequenceSpan] = []
    for start, stop in tokens.groups():
        joined = (spans[-1][0], stop) if spans else (start, stop)
        if spans and tokens.of(joined) <= budget:
            spans[-1] = joined
            continue
        for index in range(start, stop):
            longer = (spans[-1][0], index + 1) if index > start else (index, index + 1)
            if index > start and tokens.of(longer) <= budget:
                spans[-1] = longer
            else:
                spans.append((index, index + 1))
    return spans


def _split_largest(tokens: _Tokens, spans: list[SequenceSpan]) -> None:
    """Cut the largest span at the border of groups nearest its middle, or inside its only group."""
    start, stop = max((s for s in spans if s[1] - s[0] > 1), key=tokens.of)
    ids = tokens.group_ids
    borders = [i for i in range(start + 1, stop) if ids[i] != ids[i - 1]]
    cut = min(borders or range(start + 1, stop), key=lambda i: abs(2 * i - start - stop))
    place = spans.index((start, stop))
    spans[place : place + 1] = [(start, cut), (cut, stop)]


def _num_patches(prompt: EncodedPrompt) -> int:
    grids = prompt.image_grid_thw
    return 0 if grids is None or prompt.image_features else int(grids.prod(dim=1).sum())
