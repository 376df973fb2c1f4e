"""Log-probability and entropy of tokens without ever holding all their logits.

Shapes: N tokens, H hidden size, V vocabulary, C tokens of a chunk.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

CHUNK_TOKENS = 512
"""Tokens whose logits exist at a time: 512 x 152,064 in float32 are 297 MiB."""


def token_scores(
    hidden: Tensor,  # (N, H)
    weight: Tensor,  # (V, H) of the output head; may be tied to the embedding
    token_ids: Tensor,  # (N,) int64
    *,
    temperature: float,
    chunk_size: int,
    entropy_grad: bool,
) -> tuple[Tensor, Tensor]:
    """(N,) log-probs and (N,) entropies under softmax(hidden weight^T / temperature).

    At most ``chunk_size * V`` logits exist at a time; the backward computes them again. Both
    results are at least float32. Without ``entropy_grad`` the entropy carries no gradient.
    """
    result: tuple[Tensor, Tensor] = _TokenScores.apply(  # type: ignore[no-untyped-call]
        hidden, weight, token_ids, temperature, chunk_size, entropy_grad
    )
    return result


class _TokenScores(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        token_ids: Tensor,
        temperature: float,
        chunk_size: int,
        entropy_grad: bool,
    ) -> tuple[Tensor, Tensor]:
        logps, entropies = [], []
        for rows in _chunks(len(hidden), chunk_size):
            all_logps = _log_softmax(hidden[rows], weight, temperature)  # (C, V)
            logps.append(all_logps.gather(1, token_ids[rows, None])[:, 0])
            entropies.append(-(all_logps.exp() * all_logps).sum(dim=1))
        entropy = torch.cat(entropies)
        ctx.save_for_backward(hidden, weight, token_ids, entropy)
        ctx.settings = temperature, chunk_size
        ctx.set_materialize_grads(False)
        if not entropy_grad:
            ctx.mark_non_differentiable(entropy)
        return torch.cat(logps), entropy

    @staticmethod
    def backward(
        ctx: Any, logp_grad: Tensor | None, entropy_grad: Tensor | None
    ) -> tuple[Tensor | None, ...]:
        hidden, weight, token_ids, entropy = ctx.saved_tensors
        temperature, chunk_size = ctx.settings
        hidden_grad = torch.empty_like(hidden)
        # Summed in at least float32: many small chunks would lose digits in bfloat16.
        weight_grad = torch.zeros_like(weight, dtype=entropy.dtype)
        for rows in _chunks(len(hidden), chunk_size):
            all_logps = _log_softmax(hidden[rows], weight, temperature)
            probabilities = all_logps.exp()
            logits_grad = torch.zeros_like(probabilities)
            if logp_grad is not None:  # d logp / d logits = onehot - p
                own = logp_grad[rows, None]
                logits_grad -= own * probabilities
                logits_grad.scatter_add_(1, token_ids[rows, None], own)
            if entropy_grad is not None:  # d entropy / d logits = -p (logp + entropy)
                own = entropy_grad[rows, None]
                logits_grad -= own * probabilities * (all_logps + entropy[rows, None])
            logits_grad /= temperature
            hidden_grad[rows] = (logits_grad.to(weight.dtype) @ weight).to(hidden.dtype)
            weight_grad += logits_grad.T @ hidden[rows].to(logits_grad.dtype)
        return hidden_grad, weight_grad.to(weight.dtype), None, None, None, None


def _log_softmax(hidden: Tensor, weight: Tensor, temperature: float) -> Tensor:
    logits = hidden @ weight.T
    wide = torch.promote_types(logits.dtype, torch.float32)
    return (logits.to(wide) / temperature).log_softmax(dim=1)


def _chunks(length: int, size: int) -> Iterator[slice]:
    for start in range(0, max(length, 1), size):
        yield slice(start, min(start + size, length))
