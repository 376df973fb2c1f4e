"""Rows -> log-probability of every completion token; the module that is trained and sharded.

Shapes: B rows, L their padded length, N completion tokens in one flat row, V vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from sophia.models.rows import Rows


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TokenScores:
    """Both at the sampling temperature, over the whole vocabulary, float32."""

    per_token_logps: Tensor  # (N,)
    entropy: Tensor  # (N,) of the next-token distribution


class TokenScorer(nn.Module):
    """Wraps a Hugging Face causal model (text or vision) so that one forward gives log-probs.

    Only positions that predict a completion token reach the head: prompt and image tokens never
    become logits. Body and head run inside this forward, so that sharding it as the root gathers a
    tied head and embedding once.

    Args:
        model: a model with ``.model`` (body) and ``.lm_head``.
        temperature: logits are divided by it, as they were when sampling.
        entropy_grad: whether the entropy carries gradients (only an entropy bonus needs them).
    """

    def __init__(self, model: Any, *, temperature: float, entropy_grad: bool = False) -> None:
        super().__init__()
        self.model = model
        self._temperature = temperature
        self._entropy_grad = entropy_grad

    def forward(self, rows: Rows) -> TokenScores:
        """Score the completion tokens of the rows."""
        hidden = self._body(rows)[rows.row_of_token, rows.column_of_token]  # (N, H)
        logits = self.model.lm_head(hidden).float() / self._temperature  # (N, V)
        logps = logits.log_softmax(dim=-1)
        with torch.set_grad_enabled(self._entropy_grad and torch.is_grad_enabled()):
            entropy = -(logps.exp() * logps).sum(dim=-1)
        chosen = logps.gather(1, rows.completion_ids[:, None]).squeeze(1)
        return TokenScores(per_token_logps=chosen, entropy=entropy)

    def _body(self, rows: Rows) -> Tensor:
        inputs: dict[str, Any] = {}
        body = self.model.model
        if hasattr(body, "get_rope_index"):
            inputs["position_ids"] = _positions(body, rows)
        if rows.pixel_values is not None:
            _check_image_tokens(self.model.config, rows)
            inputs["pixel_values"] = rows.pixel_values
            inputs["image_grid_thw"] = rows.image_grid_thw
        output = body(
            input_ids=rows.input_ids,
            attention_mask=rows.attention_mask,
            use_cache=False,
            **inputs,
        )
        return output.last_hidden_state  # type: ignore[no-any-return]


def _positions(body: Any, rows: Rows) -> Tensor:
    """(3, B, L) rotary positions, from the model's own rule, never from its cached state."""
    return body.get_rope_index(  # type: ignore[no-any-return]
        rows.input_ids,
        mm_token_type_ids=rows.mm_token_type_ids,
        image_grid_thw=rows.image_grid_thw,
        attention_mask=rows.attention_mask,
    )[0]


def _check_image_tokens(config: Any, rows: Rows) -> None:
    """Placeholders and image features must agree; a sampled placeholder would shift every image."""
    assert rows.image_grid_thw is not None
    features = int(rows.image_grid_thw.prod(dim=1).sum())
    features //= config.vision_config.spatial_merge_size**2
    placeholders = int((rows.input_ids == config.image_token_id).sum())
    if placeholders != features:
        raise ValueError(
            f"the rows hold {placeholders} image placeholder tokens but {features} image features;"
            " was a media token sampled, or a prompt cut inside an image?"
        )
