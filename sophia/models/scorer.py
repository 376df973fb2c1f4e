"""A batch -> log-probability of every completion token; the module that is trained and sharded.

Shapes: N completion tokens in one flat row, H hidden size.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from sophia.models.head import CHUNK_TOKENS, token_scores
from sophia.models.rows import BatchRows, NaiveRows
from sophia.models.shared_attention import set_shared_attention
from sophia.models.shared_rows import shared_rows
from sophia.types import RowsKind, TrainBatch

_ROWS: dict[RowsKind, Callable[..., BatchRows]] = {"shared": shared_rows, "naive": NaiveRows}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TokenScores:
    """Two figures of each completion token, float32 or wider.

    Both are taken at the sampling temperature and over the whole vocabulary.
    """

    per_token_logps: Tensor  # (N,) log-probability of the token itself
    entropy: Tensor  # (N,) of the next-token distribution


class TokenScorer(nn.Module):
    """Wraps a Hugging Face causal model (text or vision) so that one forward gives log-probs.

    Only positions that predict a completion token reach the head: prompt and image tokens never
    become logits, and never all completion tokens at a time. Body and head run inside this
    forward, so that sharding it as the root gathers a tied head and embedding once.

    Args:
        model: a model with ``.model`` (body) and ``.lm_head``.
        rows: the layout of a batch; ``shared`` computes a group's prompt once, ``naive`` is the
            reference path. Shared rows are refused for a model that they are not exact for.
        temperature: logits are divided by it, as they were when sampling.
        entropy_grad: whether the entropy carries gradients (only an entropy bonus needs them).
    """

    def __init__(
        self, model: Any, *, rows: RowsKind, temperature: float, entropy_grad: bool = False
    ) -> None:
        super().__init__()
        self.model = model
        if rows == "shared":
            set_shared_attention(model)
        self.rows: RowsKind = rows
        self._rows = _ROWS[rows]
        self._temperature = temperature
        self._entropy_grad = entropy_grad

    @property
    def device(self) -> torch.device:
        """Where the forward computes; parameters may be kept elsewhere, rotary angles never are."""
        buffer = next(self.model.buffers(), None)
        if buffer is None:
            buffer = next(self.model.parameters())
        device: torch.device = buffer.device
        return device

    def forward(self, batch: TrainBatch) -> TokenScores:
        """Score the completion tokens of a batch, on the model's device."""
        device = self.device
        hidden = self._rows(batch, device=device).hidden(self.model)  # (N, H)
        logps, entropy = token_scores(
            hidden,
            self.model.lm_head.weight,
            batch.completion_ids.to(device),
            temperature=self._temperature,
            chunk_size=CHUNK_TOKENS,
            entropy_grad=self._entropy_grad,
        )
        return TokenScores(per_token_logps=logps, entropy=entropy)
