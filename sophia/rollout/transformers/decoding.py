"""Token by token: some prompts, each continued several times.

Shapes: G groups, N samples of each, B = G N rows, T tokens so far, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sophia.rollout.draw import FREE, DrawRows, draw, uniform_numbers
from sophia.rollout.transformers.forward import Forward
from sophia.types import GenerationRequest, SamplingParams

_WORTH_LEAVING = 0.25
"""Share of requests that have to be over before the others' caches are copied without them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """All tokens that were drawn for one request, also those behind the end of a sample."""

    place: int
    """Index of the request."""
    token_ids: list[list[int]]  # of each sample
    logps: list[list[float]]  # of each token, under softmax(logits / temperature)


class Decoding:
    """Requests with equally many samples. Iterate: requests come as all their samples have ended.

    Args:
        forward: the model, about to continue these requests.
        requests: what is continued.
        sampling: how completions are drawn.
        banned: tokens that may not be drawn.
        end_ids: tokens that end a completion.
        device: where the model computes.
        watch: is given each token of the first row as it is drawn; None: nobody watches.
    """

    def __init__(
        self,
        forward: Forward,
        requests: Sequence[GenerationRequest],
        sampling: SamplingParams,
        *,
        banned: Sequence[int],
        end_ids: Sequence[int],
        device: torch.device,
        watch: Callable[[int], None] | None = None,
    ) -> None:
        self._forward = forward
        self._sampling = sampling
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
        self._seen: Tensor | None = None  # (B, V) bool: tokens so far, where repetition costs

    def __iter__(self) -> Iterator[Decoded]:
        """Draw token after token and yield requests as they finish, until none is left."""
        logits = self._forward.first()
        self._seen = self._seen_in_prompts(logits.shape[1])
        for step in range(self._sampling.max_new_tokens):
            if step:
                logits = self._forward.following(self._tokens[:, -1:])
            self._draw(logits, step)
            if self._watch is not None:
                self._watch(int(self._tokens[0, -1]))
            yield from self._finished(last=step + 1 == self._sampling.max_new_tokens)
            if not self._requests:
                return

    def _draw(self, logits: Tensor, step: int) -> None:
        column = slice(step, step + 1)
        rows = DrawRows(
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
        self._forward.keep(groups)
        self._tokens, self._logps = self._tokens[rows], self._logps[rows]
        self._uniform, self._forced = self._uniform[rows], self._forced[rows]
        self._ended = self._ended[rows]
        self._handed_out = self._handed_out[groups]
        self._seen = None if self._seen is None else self._seen[rows]

    def _forced_tokens(self, num_rows: int) -> Tensor:
        """(B, max_new_tokens) int64: the token to take at each place, or FREE."""
        forced = torch.full((num_rows, self._sampling.max_new_tokens), FREE)
        given = [tokens for r in self._requests for tokens in r.forced or ((),) * len(r.seeds)]
        for row, tokens in enumerate(given):
            forced[row, : len(tokens)] = torch.tensor(tokens)
        return forced.to(self._device)

    def _seen_in_prompts(self, vocab_size: int) -> Tensor | None:
        """(B, V) bool: which tokens a row's prompt holds; None without a penalty on repetition."""
        if self._sampling.repetition_penalty == 1.0:
            return None
        seen = torch.zeros(len(self._requests), vocab_size, dtype=torch.bool)
        for row, request in enumerate(self._requests):
            seen[row, request.encoded.prompt_ids] = True
        return seen.to(self._device).repeat_interleave(self._num_samples, dim=0)
