"""Sampling with a seed per row, as a logits processor for Hugging Face ``generate``.

Shapes: B rows, V vocabulary, T max_new_tokens.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import LogitsProcessor

from sophia.types import SamplingParams


class SeededSampler(LogitsProcessor):  # type: ignore[misc]
    """Draws each row's token by inverting its distribution at a uniform number of its own.

    The numbers come from the row's seed alone, so a completion does not depend on which others are
    in the batch. ``generate`` runs greedily over what is returned: 0 for the token drawn, -inf for
    all others.
    """

    def __init__(
        self,
        seeds: Sequence[int],
        sampling: SamplingParams,
        *,
        banned: Sequence[int],
        device: torch.device,
    ) -> None:
        self._sampling = sampling
        self._banned = torch.tensor(banned, dtype=torch.long, device=device)
        self._uniform = torch.stack(
            [_uniform_numbers(seed, sampling.max_new_tokens) for seed in seeds]
        ).to(device)
        self._step = 0
        self._logps: list[Tensor] = []

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """(B, V) logits -> (B, V) with only the drawn token left."""
        greedy = self._sampling.temperature == 0.0
        logits = scores.float() / (1.0 if greedy else self._sampling.temperature)
        allowed = logits.index_fill(1, self._banned, float("-inf"))
        if greedy:
            tokens = allowed.argmax(dim=1, keepdim=True)
        else:
            kept = _keep_top(allowed, self._sampling)
            tokens = _invert(kept.softmax(dim=1), self._uniform[:, self._step, None])
        self._logps.append(logits.log_softmax(dim=1).gather(1, tokens).squeeze(1))
        self._step += 1
        return torch.full_like(scores, float("-inf")).scatter(1, tokens, 0.0)

    def sampled_logps(self) -> Tensor:
        """(B, steps) log-probability of each token drawn, before bans, top-k and top-p."""
        return torch.stack(self._logps, dim=1)


def _uniform_numbers(seed: int, count: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, generator=generator, dtype=torch.float64)


def _invert(probabilities: Tensor, uniform: Tensor) -> Tensor:
    """(B, 1) the first token whose cumulated probability exceeds the uniform number."""
    cumulated = probabilities.double().cumsum(dim=1)
    return torch.searchsorted(cumulated, uniform * cumulated[:, -1:], right=True)


def _keep_top(logits: Tensor, sampling: SamplingParams) -> Tensor:
    """Everything outside the top_k tokens, or outside the top_p mass, becomes -inf."""
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
