"""Token by token: some prompts, each continued several times.

Shapes: G groups, N samples of each, B = G N rows, T tokens so far, V vocabulary, H hidden size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sophia.models.shared_rows import PackedRow
from sophia.rollout.draw import FREE, Rows, draw, uniform_numbers
from sophia.rollout.transformers.group_cache import GroupCache, Prefill
from sophia.types import GenerationRequest, SamplingParams

_WORTH_LEAVING = 0.25
"""Share of requests that have to be over before the others' caches are copied without them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """All tokens of one request, ends included."""

    place: int
    """Index of the request."""
    token_ids: list[list[int]]  # of each sample
    logps: list[list[float]]


class Decoding:
    """Requests with equally many samples. Iterate: requests come as all their samples have ended.

    Args:
        model: with shared attention.
        requests: what is continued.
        sampling: how.
        banned: tokens that may not be drawn.
        end_ids: tokens that end a completion.
        device: of the model.
        watch: is given each token of the first row as it is drawn.
    """

    def __init__(
        self,
        model: Any,
        requests: Sequence[GenerationRequest],
        sampling: SamplingParams,
        *,
        banned: Sequence[int],
        end_ids: Sequence[int],
        device: torch.device,
        watch: Callable[[int], None] | None = None,
    ) -> None:
        self._model = model
        self._sampling = sampling
        self._axes = 3 if hasattr(model.model, "get_rope_index") else 1  # of positions
        self._banned = torch.tensor(banned, dtype=torch.long, device=device)
        self._end_ids = torch.tensor(end_ids, dtype=torch.long, device=device)
        self._num_samples = len(requests[0].seeds)
        self._device = device
        self._watch = watch
        self._requests = list(requests)
        self._places = list(range(len(requests)))  # of the requests that are left
        seeds = [seed for r in requests for seed in r.seeds]
        count = sampling.max_new_tokens
        self._uniform = torch.stack([uniform_numbers(s, count) for s in seeds]).to(device)
        self._forced = self._forced_tokens(len(seeds))
        empty = torch.zeros(len(seeds), 0, device=device)
        self._tokens, self._logps = empty.long(), empty.float()  # (B, T)
        self._ended = torch.zeros(len(seeds), dtype=torch.bool, device=device)
        self._handed_out = torch.zeros(len(requests), dtype=torch.bool, device=device)

    def __iter__(self) -> Iterator[Decoded]:
        """Until nothing is left."""
        logits = self._prefill()
        for step in range(self._sampling.max_new_tokens):
            if step:
                logits = self._forward(step)
            self._draw(logits, step)
            if self._watch is not None:
                self._watch(int(self._tokens[0, -1]))
            yield from self._finished(last=step + 1 == self._sampling.max_new_tokens)
            if not self._requests:
                return

    def _prefill(self) -> Tensor:
        """(B, V) logits of the first tokens; every prompt is computed once."""
        prompts = [request.encoded for request in self._requests]
        nothing = torch.zeros(1, dtype=torch.long)  # one token to predict, whichever it is
        row = PackedRow(prompts, [[nothing] for _ in prompts], device=self._device)
        prefill = Prefill(row.layout)
        hidden = row.hidden(self._model, attention=prefill)  # (G, H)
        lengths = [len(p.prompt_ids) for p in prompts]
        self._cache = GroupCache(prefill, lengths, num_samples=self._num_samples)
        self._positions = row.next_positions(self._model).repeat_interleave(self._num_samples)
        self._seen = self._seen_in_prompts(int(self._model.lm_head.weight.shape[0]))
        logits: Tensor = self._model.lm_head(hidden)
        return logits.repeat_interleave(self._num_samples, dim=0)

    def _forward(self, step: int) -> Tensor:
        """(B, V) logits after the tokens drawn last."""
        positions = (self._positions + step - 1)[:, None]  # (B, 1)
        if self._axes > 1:
            positions = positions.expand(self._axes, -1, -1)
        output = self._model.model(
            input_ids=self._tokens[:, -1:],
            position_ids=positions,
            use_cache=False,
            shared_prefix=self._cache,
        )
        self._cache.advance()
        logits: Tensor = self._model.lm_head(output.last_hidden_state[:, 0])
        return logits

    def _draw(self, logits: Tensor, step: int) -> None:
        column = slice(step, step + 1)
        rows = Rows(
            uniform=self._uniform[:, column], forced=self._forced[:, column], seen=self._seen
        )
        drawn = draw(logits, rows, sampling=self._sampling, banned=self._banned)
        self._tokens = torch.cat([self._tokens, drawn.tokens], dim=1)
        self._logps = torch.cat([self._logps, drawn.logps], dim=1)
        self._ended |= torch.isin(drawn.tokens[:, 0], self._end_ids)
        if self._seen is not None:
            self._seen = self._seen.scatter(1, drawn.tokens, True)

    def _finished(self, *, last: bool) -> Iterator[Decoded]:
        """Requests all of whose samples have ended; in time the others go on without them."""
        new = (self._ended.view(-1, self._num_samples).all(dim=1) | last) & ~self._handed_out
        if not bool(new.any()):
            return
        for place in new.nonzero().flatten().tolist():
            rows = slice(place * self._num_samples, (place + 1) * self._num_samples)
            tokens, logps = self._tokens[rows].tolist(), self._logps[rows].tolist()
            yield Decoded(place=self._places[place], token_ids=tokens, logps=logps)
        self._handed_out |= new
        if int(self._handed_out.sum()) >= _WORTH_LEAVING * len(self._requests):
            self._keep((~self._handed_out).nonzero().flatten())

    def _keep(self, groups: Tensor) -> None:
        self._requests = [self._requests[place] for place in groups.tolist()]
        self._places = [self._places[place] for place in groups.tolist()]
        samples = torch.arange(self._num_samples, device=self._device)
        rows = (groups[:, None] * self._num_samples + samples).flatten()
        self._cache.keep(groups)
        self._tokens, self._logps = self._tokens[rows], self._logps[rows]
        self._uniform, self._forced = self._uniform[rows], self._forced[rows]
        self._ended, self._positions = self._ended[rows], self._positions[rows]
        self._handed_out = self._handed_out[groups]
        self._seen = None if self._seen is None else self._seen[rows]

    def _forced_tokens(self, num_rows: int) -> Tensor:
        """(B, max_new_tokens)."""
        forced = torch.full((num_rows, self._sampling.max_new_tokens), FREE)
        given = [tokens for r in self._requests for tokens in r.forced or ((),) * len(r.seeds)]
        for row, tokens in enumerate(given):
            forced[row, : len(tokens)] = torch.tensor(tokens)
        return forced.to(self._device)

    def _seen_in_prompts(self, vocab_size: int) -> Tensor | None:
        """(B, V) tokens of the prompts; None without a penalty on repetition."""
        if self._sampling.repetition_penalty == 1.0:
            return None
        seen = torch.zeros(len(self._requests), vocab_size, dtype=torch.bool)
        for row, request in enumerate(self._requests):
            seen[row, request.encoded.prompt_ids] = True
        return seen.to(self._device).repeat_interleave(self._num_samples, dim=0)
