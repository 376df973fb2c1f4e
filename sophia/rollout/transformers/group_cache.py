"""Keys and values of a rollout: those of a prompt once per group, its own of each row.

Shapes: G groups, N samples of each, B = G N rows, A attention heads, K key-value heads, D head
size, P the longest prompt, R = N A / K queries of a key head, C room for new tokens, T tokens of a
packed row.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from sophia.models.shared_attention import RowLayout

_ROOM = 64  # new tokens that are made room for at a time


class Prefill:
    """The attention of a packed row of prompts, which keeps their keys and values."""

    def __init__(self, layout: RowLayout) -> None:
        self._layout = layout
        self.kept: dict[int, tuple[Tensor, Tensor]] = {}  # by layer, each (1, K, T, D)

    def attend(
        self, layer: int, query: Tensor, key: Tensor, value: Tensor, scaling: float
    ) -> Tensor:
        """Outputs (1, T, A, D) of the row; remembers the layer's keys and values."""
        self.kept[layer] = key, value
        return self._layout.attend(layer, query, key, value, scaling)


class GroupCache:
    """The attention of one new token per row, after a prefill.

    Args:
        prefill: has kept the prompts' keys and values, which are taken out of it.
        prompt_lengths: tokens of each group's prompt, in the order of the row.
        num_samples: how many rows continue each prompt; they are neighbours.
    """

    def __init__(
        self, prefill: Prefill, prompt_lengths: Sequence[int], *, num_samples: int
    ) -> None:
        self._num_samples = num_samples
        self._prompts: dict[int, tuple[Tensor, Tensor]] = {}  # by layer, each (G, K, P, D)
        for layer in list(prefill.kept):
            key, value = prefill.kept.pop(layer)  # layer by layer, so that memory peaks low
            self._prompts[layer] = _by_group(key, prompt_lengths), _by_group(value, prompt_lengths)
        first, _ = self._prompts[min(self._prompts)]
        lengths = torch.tensor(prompt_lengths, device=first.device)
        outside = torch.arange(first.shape[2], device=first.device)[None] >= lengths[:, None]
        zeros = torch.zeros(outside.shape, dtype=first.dtype, device=first.device)
        self._bias = zeros.masked_fill(outside, float("-inf"))[:, None, None]  # (G, 1, 1, P)
        self._own: dict[int, tuple[Tensor, Tensor]] = {}  # (B, K, C, D)
        self._length = 0

    def attend(
        self, layer: int, query: Tensor, key: Tensor, value: Tensor, scaling: float
    ) -> Tensor:
        """(B, 1, A, D) of queries (B, A, 1, D), keys and values (B, K, 1, D) of the new token."""
        own_keys, own_values = self._append(layer, key, value)
        prompt_keys, prompt_values = self._prompts[layer]
        rows, heads = query.shape[:2]
        shape = len(prompt_keys), self._num_samples, key.shape[1], heads // key.shape[1]
        query = query[:, :, 0] * scaling
        at_prompt = _to_groups(query, shape) @ prompt_keys.transpose(2, 3) + self._bias
        at_own = query.view(rows, shape[2], shape[3], -1) @ own_keys.transpose(2, 3)
        scores = torch.cat([at_prompt, _to_groups(at_own, shape)], dim=-1)  # (G, K, R, P + C)
        weights = scores.softmax(dim=-1, dtype=torch.float32).to(value.dtype)
        on_prompt, on_own = torch.split(weights, [at_prompt.shape[-1], at_own.shape[-1]], dim=-1)
        output = _to_rows(on_prompt @ prompt_values, shape)
        output = output + _to_rows(on_own, shape) @ own_values  # (B, K, A / K, D)
        return output.reshape(rows, 1, heads, -1)

    def advance(self) -> None:
        """Count the new token, once all layers have seen it."""
        self._length += 1

    def keep(self, groups: Tensor) -> None:
        """Forget all groups but those of these indices."""
        self._bias = self._bias[groups]
        count = self._num_samples
        rows = (groups[:, None] * count + torch.arange(count, device=groups.device)).flatten()
        for cache, kept in ((self._prompts, groups), (self._own, rows)):
            for layer, (key, value) in cache.items():
                cache[layer] = key[kept], value[kept]

    def _append(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """The layer's keys and values (B, K, tokens so far, D), this token's included."""
        kept = self._own.get(layer)
        if kept is None or kept[0].shape[2] == self._length:
            room = key.new_empty(*key.shape[:2], _ROOM, key.shape[3])
            kept = (room, room.clone()) if kept is None else (
                torch.cat([kept[0], room], dim=2), torch.cat([kept[1], room], dim=2)
            )  # fmt: skip
            self._own[layer] = kept
        for states, new in zip(kept, (key, value), strict=True):
            states[:, :, self._length] = new[:, :, 0]
        return kept[0][:, :, : self._length + 1], kept[1][:, :, : self._length + 1]


_Shape = tuple[int, int, int, int]  # G, N, K, A / K


def _to_groups(rows: Tensor, shape: _Shape) -> Tensor:
    """Join the rows of a group: (B, ..., last) -> (G, K, R, last)."""
    groups, samples, heads, each = shape
    split = rows.reshape(groups, samples, heads, each, -1).transpose(1, 2)
    return split.reshape(groups, heads, samples * each, -1)


def _to_rows(grouped: Tensor, shape: _Shape) -> Tensor:
    """Part the rows of a group again: (G, K, R, last) -> (B, K, A / K, last)."""
    groups, samples, heads, each = shape
    split = grouped.view(groups, heads, samples, each, -1).transpose(1, 2)
    return split.reshape(groups * samples, heads, each, -1)


def _by_group(states: Tensor, lengths: Sequence[int]) -> Tensor:
    """Part a packed row by group: (1, K, T, D) -> (G, K, P, D), zeros behind shorter prompts."""
    pieces = torch.split(states[0].transpose(0, 1), list(lengths))
    return pad_sequence(list(pieces), batch_first=True).transpose(1, 2).contiguous()
