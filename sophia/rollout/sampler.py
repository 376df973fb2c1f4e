"""Sampling with a seed per row, as a logits processor for Hugging Face ``generate``.

Shapes: B rows, V vocabulary, T max_new_tokens, P the longest prompt.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import LogitsProcessor

from sophia.rollout.draw import FREE, Rows, draw, uniform_numbers
from sophia.types import SamplingParams


class SeededSampler(LogitsProcessor):  # type: ignore[misc]
    """Draws each row's token by inverting its distribution at a uniform number of its own.

    The numbers come from the row's seed alone, so a completion does not depend on which others are
    in the batch. ``generate`` runs greedily over what is returned.

    Args:
        seeds: one per row.
        sampling: how tokens are drawn.
        banned: tokens that may not be drawn.
        forced: per row, the tokens to take in place of drawing; empty to draw.
        prompt_mask: (B, P) 1 where the ids given to ``generate`` are a prompt's, not padding.
        device: of the logits.
    """

    def __init__(
        self,
        seeds: Sequence[int],
        sampling: SamplingParams,
        *,
        banned: Sequence[int],
        device: torch.device,
        forced: Sequence[Sequence[int]] = (),
        prompt_mask: Tensor | None = None,
    ) -> None:
        count = sampling.max_new_tokens
        self._sampling = sampling
        self._banned = torch.tensor(banned, dtype=torch.long, device=device)
        self._uniform = torch.stack([uniform_numbers(s, count) for s in seeds]).to(device)
        self._forced = torch.full((len(seeds), count), FREE, device=device)
        for row, tokens in enumerate(forced):
            self._forced[row, : len(tokens)] = torch.tensor(tokens, device=device)
        self._prompt_mask = prompt_mask
        self._step = 0
        self._logps: list[Tensor] = []

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """(B, V) logits -> (B, V) with only the drawn token left."""
        step = slice(self._step, self._step + 1)
        drawn = draw(
            scores,
            Rows(
                uniform=self._uniform[:, step],
                forced=self._forced[:, step],
                seen=self._seen(input_ids, scores.shape[1]),
            ),
            sampling=self._sampling,
            banned=self._banned,
        )
        self._logps.append(drawn.logps)
        self._step += 1
        return drawn.as_scores(scores)

    def sampled_logps(self) -> Tensor:
        """(B, steps) log-probability of each token drawn, before bans, penalty and cuts."""
        return torch.cat(self._logps, dim=1)

    def _seen(self, input_ids: Tensor, vocab_size: int) -> Tensor | None:
        """(B, V) tokens of prompt and completion so far, padding left out."""
        if self._sampling.repetition_penalty == 1.0:
            return None
        counts = torch.ones_like(input_ids)
        if self._prompt_mask is not None:
            counts[:, : self._prompt_mask.shape[1]] = self._prompt_mask
        seen = torch.zeros(len(input_ids), vocab_size, dtype=torch.long, device=input_ids.device)
        return seen.scatter_add(1, input_ids, counts) > 0
