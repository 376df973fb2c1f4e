"""Group-shared rows: prompt and image once per group, completions attached, no padding.

A group's part of the row is ``[prompt[:-1] | seg_1 | ... | seg_G]`` with ``seg_g = [prompt[-1]] +
completion_g[:-1]``: the output at ``seg_g[j]`` predicts ``completion_g[j]``, so nothing is shifted
and no prompt position is a prediction. Exact against naive rows, gradients included.

Shapes: T tokens of the row, N completion tokens, P a prompt's tokens, G groups, H hidden size.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from sophia.models.image_features import image_outputs
from sophia.models.rows import check_image_tokens, collect_pixels, token_inputs
from sophia.models.shared_attention import PackedAttention, RowLayout
from sophia.types import EncodedPrompt, TrainBatch


class PackedRow:
    """Groups in one row; the model must use ``shared_prefix`` attention.

    Args:
        prompts: the prompt of each group.
        completions: the token ids (R,) of each completion, by group.
        device: where the model computes.
    """

    def __init__(
        self,
        prompts: Sequence[EncodedPrompt],
        completions: Sequence[Sequence[Tensor]],
        *,
        device: torch.device,
    ) -> None:
        self._device = device
        self._prompts = list(prompts)
        self._lengths = [[len(c) for c in group] for group in completions]
        ids: list[Tensor] = []
        predicts: list[Tensor] = []
        start = 0
        for prompt, group in zip(self._prompts, completions, strict=True):
            ids += [prompt.prompt_ids[:-1], *_segments(prompt, group)]
            begin = start + len(prompt.prompt_ids) - 1
            start = begin + sum(map(len, group))
            predicts.append(torch.arange(begin, start))
        self.input_ids = torch.cat(ids)[None].to(device)  # (1, T)
        prefixes = [len(prompt.prompt_ids) - 1 for prompt in self._prompts]
        self.layout = RowLayout(
            shapes=list(zip(prefixes, self._lengths, strict=True)), device=device
        )
        self._predicts = torch.cat(predicts).to(device)  # (N,)
        self._features = [p.image_features for p in self._prompts if p.image_features]
        self._pixels = None if self._features else collect_pixels(self._prompts, device)

    def hidden(self, model: Any, *, attention: PackedAttention | None = None) -> Tensor:
        """(N, H) the hidden states that predict the completion tokens, from one packed forward.

        ``attention`` is called in place of the layout's, which it may wrap.
        """
        images = self._images(model)
        inputs = token_inputs(model, self.input_ids, has_images=images is not None)
        if images is not None:
            num_features = sum(map(len, images.pooler_output))
            check_image_tokens(model.config, self.input_ids, num_features)
            inputs["mm_encoder_outputs"] = {"image": images}
        output = model.model(
            position_ids=self._positions(model.model),
            use_cache=False,
            shared_prefix=attention or self.layout,
            **inputs,
        )
        return output.last_hidden_state[0, self._predicts]  # type: ignore[no-any-return]

    def next_positions(self, model: Any) -> Tensor:
        """(G,) the position of the first token after each prompt."""
        following = [_following(prompt_positions(model.model, p)) for p in self._prompts]
        return torch.tensor(following, device=self._device)

    def _images(self, model: Any) -> Any:
        """Outputs of the vision tower, which may be known already; None without images."""
        if self._features:
            return image_outputs(self._features, self._device)
        if self._pixels is None:
            return None
        values, grids = self._pixels.values, self._pixels.grid_thw
        return model.model.get_image_features(values, grids, return_dict=True)

    def _positions(self, body: Any) -> Tensor:
        """The positions of all tokens: (3, 1, T) for a vision model, (1, T) for a text model."""
        pieces: list[Tensor] = []
        for prompt, lengths in zip(self._prompts, self._lengths, strict=True):
            own = prompt_positions(body, prompt)  # (3 or 1, P)
            pieces.append(own[:, :-1])
            first = _following(own)
            for length in lengths:
                rest = torch.arange(first, first + length - 1).expand(len(own), -1)
                pieces += [own[:, -1:], rest]
        positions = torch.cat(pieces, dim=1).to(self._device)
        return positions if len(positions) == 1 else positions[:, None]


def shared_rows(batch: TrainBatch, *, device: torch.device) -> PackedRow:
    """Put all groups of a batch into one packed row."""
    flat = iter(torch.split(batch.completion_ids, batch.lengths.tolist()))
    counts = torch.bincount(batch.group_ids, minlength=len(batch.prompts)).tolist()
    completions = [[next(flat) for _ in range(count)] for count in counts]
    return PackedRow(batch.prompts, completions, device=device)


def _segments(prompt: EncodedPrompt, completions: Sequence[Tensor]) -> list[Tensor]:
    return [torch.cat([prompt.prompt_ids[-1:], c[:-1]]) for c in completions]


def _following(positions: Tensor) -> int:
    """The position after a prompt: not P, as an image advances them by less than its tokens."""
    return int(positions.max()) + 1


def prompt_positions(body: Any, prompt: EncodedPrompt) -> Tensor:
    """The positions of a prompt's tokens: (3, P) for a vision model, (1, P) for a text model."""
    if not hasattr(body, "get_rope_index"):
        return torch.arange(len(prompt.prompt_ids))[None]
    positions: Tensor = body.get_rope_index(
        prompt.prompt_ids[None],
        mm_token_type_ids=prompt.mm_token_type_ids[None],
        image_grid_thw=prompt.image_grid_thw,
        attention_mask=torch.ones_like(prompt.prompt_ids)[None],
    )[0]
    return positions[:, 0]
