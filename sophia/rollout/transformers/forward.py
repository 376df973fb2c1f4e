"""Logits of the next token of every row: over shared prompts, or by the model's own forward.

Shapes: G groups, N samples of each, B = G N rows, V vocabulary, H hidden size, P prompt tokens.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from sophia.models.shared_rows import PackedRow, prompt_positions
from sophia.rollout.transformers.group_cache import GroupCache, Prefill
from sophia.types import EncodedPrompt, GenerationRequest


class Forward(Protocol):
    """A model and what it remembers of the rows that it continues."""

    def first(self) -> Tensor:
        """(B, V) logits of the first tokens, after the prompts."""

    def following(self, tokens: Tensor) -> Tensor:
        """(B, V) logits after one more token of each row, (B, 1)."""

    def keep(self, groups: Tensor) -> None:
        """Forget all groups but those of these indices, which alone go on."""


class SharedForward:
    """Every prompt is computed and remembered once, all of them in one packed row.

    Args:
        model: a model with shared attention, which must be exact for it.
        prompts: the prompt of each group.
        num_samples: how many rows continue each prompt; they are neighbours.
        device: where the model computes.
    """

    def __init__(
        self,
        model: Any,
        prompts: Sequence[EncodedPrompt],
        *,
        num_samples: int,
        device: torch.device,
    ) -> None:
        self._model = model
        self._prompts = list(prompts)
        self._num_samples = num_samples
        self._device = device
        self._axes = 3 if hasattr(model.model, "get_rope_index") else 1  # of positions
        self._cache: GroupCache | None = None  # before first()
        self._positions = torch.empty(0, dtype=torch.long)  # (B,) of each row's next token

    def first(self) -> Tensor:
        """(B, V) logits of the first tokens, from one packed forward over all prompts."""
        nothing = torch.zeros(1, dtype=torch.long)  # one token to predict, whichever it is
        row = PackedRow(self._prompts, [[nothing] for _ in self._prompts], device=self._device)
        prefill = Prefill(row.layout)
        hidden = row.hidden(self._model, attention=prefill)  # (G, H)
        lengths = [len(p.prompt_ids) for p in self._prompts]
        self._cache = GroupCache(prefill, lengths, num_samples=self._num_samples)
        self._positions = row.next_positions(self._model).repeat_interleave(self._num_samples)
        logits: Tensor = self._model.lm_head(hidden)
        return logits.repeat_interleave(self._num_samples, dim=0)

    def following(self, tokens: Tensor) -> Tensor:
        """(B, V) logits after one more token of each row, from a forward of that token."""
        assert self._cache is not None, "first() has not run"
        positions = self._positions[:, None]  # (B, 1)
        if self._axes > 1:
            positions = positions.expand(self._axes, -1, -1)
        output = self._model.model(
            input_ids=tokens,
            position_ids=positions,
            use_cache=False,
            shared_prefix=self._cache,
        )
        self._cache.advance()
        self._positions = self._positions + 1
        logits: Tensor = self._model.lm_head(output.last_hidden_state[:, 0])
        return logits

    def keep(self, groups: Tensor) -> None:
        """Copy what these groups remember, without the others."""
        assert self._cache is not None, "first() has not run"
        samples = torch.arange(self._num_samples, device=self._device)
        rows = (groups[:, None] * self._num_samples + samples).flatten()
        self._cache.keep(groups)
        self._positions = self._positions[rows]


class OwnForward:
    """One group by the model's own forward and its own cache: right for any causal model.

    The rows are copies of one prompt, so nothing is padded.

    Args:
        model: a causal model with the attention that it was made for.
        request: the prompt, and one seed per row.
        device: where the model computes.
    """

    def __init__(self, model: Any, request: GenerationRequest, *, device: torch.device) -> None:
        self._model = model
        self._prompt = request.encoded
        self._num_samples = len(request.seeds)
        self._device = device
        self._cache: Any = None
        self._next: Tensor | None = None  # (3, B, 1) positions, where the model has several axes

    def first(self) -> Tensor:
        """(B, V) logits of the first tokens, from a forward of the whole prompt in every row."""
        prompt, copies = self._prompt, self._num_samples
        inputs: dict[str, Tensor] = {"input_ids": prompt.prompt_ids.expand(copies, -1)}
        if hasattr(self._model.model, "get_rope_index"):
            positions = prompt_positions(self._model.model, prompt)[:, None]  # (3, 1, P)
            inputs["position_ids"] = positions.expand(-1, copies, -1)
            inputs["mm_token_type_ids"] = prompt.mm_token_type_ids.expand(copies, -1)
            self._next = (positions.amax(dim=(0, 2)) + 1).expand(len(positions), copies, 1)
        if prompt.pixel_values is not None and prompt.image_grid_thw is not None:
            inputs["pixel_values"] = prompt.pixel_values.repeat(copies, 1)
            inputs["image_grid_thw"] = prompt.image_grid_thw.repeat(copies, 1)
        return self._logits(inputs)

    def following(self, tokens: Tensor) -> Tensor:
        """(B, V) logits after one more token of each row, from a forward of that token."""
        inputs = {"input_ids": tokens}
        if self._next is not None:
            inputs["position_ids"] = self._next
            self._next = self._next + 1
        return self._logits(inputs)

    def keep(self, groups: Tensor) -> None:
        """Do nothing: the one group goes on, or nothing does."""

    def _logits(self, inputs: dict[str, Tensor]) -> Tensor:
        options: dict[str, Any] = {"past_key_values": self._cache, "use_cache": True}
        if "logits_to_keep" in inspect.signature(self._model.forward).parameters:
            options["logits_to_keep"] = 1
        on_device = {name: value.to(self._device) for name, value in inputs.items()}
        output = self._model(**on_device, **options)
        self._cache = getattr(output, "past_key_values", None)
        if self._cache is None:
            raise ValueError(
                f"a {type(self._model).__name__} returns no past_key_values, so the transformers"
                " engine cannot continue its completions token by token. Use rollout=vllm."
            )
        logits: Tensor = output.logits[:, -1]
        return logits
