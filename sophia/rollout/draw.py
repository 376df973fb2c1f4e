"""Which token is drawn, and its log-probability: one rule, followed by every engine.

Shapes: B rows, V vocabulary, T max_new_tokens.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from sophia.types import SamplingParams

FREE = -1
"""Stands in the place of a forced token where one is to be drawn."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DrawRows:
    """What a draw depends on besides the logits, row by row."""

    uniform: Tensor  # (B, 1) float64 in [0, 1): where each row's distribution is inverted
    forced: Tensor  # (B, 1) int64: the token to take, or FREE
    seen: Tensor | None  # (B, V) bool: tokens of prompt and completion; None without a penalty


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Drawn:
    """The token of each row, and its log-probability."""

    tokens: Tensor  # (B, 1) int64
    logps: Tensor  # (B, 1) under softmax(logits / temperature): before bans, penalty and cuts

    def as_scores(self, like: Tensor) -> Tensor:
        """(B, V) with the log-probability at the drawn token and -inf elsewhere.

        An engine that runs greedily over it takes that token.
        """
        scores = torch.full_like(like, float("-inf"), dtype=torch.float32)
        return scores.scatter(1, self.tokens, self.logps)


def draw(
    logits: Tensor,  # (B, V)
    rows: DrawRows,
    *,
    sampling: SamplingParams,
    banned: Tensor,  # int64: tokens that may not be drawn
) -> Drawn:
    """Invert each row's distribution at its uniform number; at temperature 0, the likeliest."""
    greedy = sampling.temperature == 0.0
    tempered = logits.float() / (1.0 if greedy else sampling.temperature)
    allowed = tempered.index_fill(1, banned, float("-inf"))
    if rows.seen is not None:
        allowed = _penalised(allowed, rows.seen, sampling.repetition_penalty)
    if greedy:
        tokens = allowed.argmax(dim=1, keepdim=True)
    else:
        tokens = _invert(_keep_top(allowed, sampling).softmax(dim=1), rows.uniform)
    tokens = torch.where(rows.forced == FREE, tokens, rows.forced)
    return Drawn(tokens=tokens, logps=tempered.log_softmax(dim=1).gather(1, tokens))


def uniform_numbers(seed: int, count: int) -> Tensor:
    """(count,) float64 in [0, 1), the same on every device: one for each token of a completion."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, generator=generator, dtype=torch.float64)


def _invert(probabilities: Tensor, uniform: Tensor) -> Tensor:
    """(B, 1) the first token whose cumulated probability exceeds the uniform number."""
    cumulated = probabilities.double().cumsum(dim=1)
    places = torch.searchsorted(cumulated, uniform * cumulated[:, -1:], right=True)
    return places.clamp(max=probabilities.shape[1] - 1)


def _penalised(logits: Tensor, seen: Tensor, penalty: float) -> Tensor:
    """Divide positive logits of seen tokens and multiply negative ones (arXiv:1909.05858)."""
    return torch.where(seen, torch.where(logits > 0, logits / penalty, logits * penalty), logits)


def _keep_top(logits: Tensor, sampling: SamplingParams) -> Tensor:
    """Set logits to -inf below min_p of the likeliest, outside the top_k or the top_p mass."""
    if sampling.min_p > 0.0:
        probabilities = logits.softmax(dim=1)
        least = sampling.min_p * probabilities.amax(dim=1, keepdim=True)
        logits = logits.masked_fill(probabilities < least, float("-inf"))
    if 0 < sampling.top_k < logits.shape[1]:
        least = logits.topk(sampling.top_k, dim=1).values[:, -1:]
        logits = logits.masked_fill(logits < least, float("-inf"))
    if sampling.top_p < 1.0:
        ordered, order = logits.sort(dim=1, descending=True)
        probabilities = ordered.softmax(dim=1)
        before = probabilities.cumsum(dim=1) - probabilities
        drop = torch.zeros_like(logits, dtype=torch.bool).scatter(
            1, order, before >= sampling.top_p
        )
        logits = logits.masked_fill(drop, float("-inf"))
    return logits
