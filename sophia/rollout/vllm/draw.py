"""Our own draw inside vLLM, so that a seed means the same in every engine.

vLLM's log-probabilities are taken either before the temperature or after bans and cuts; ours are
those of softmax(logits / temperature). This processor replaces each row of logits by the drawn
token's log-probability and -inf elsewhere; vLLM then takes the maximum, and reports what is there.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from vllm import SamplingParams as VLLMParams
from vllm.config import VllmConfig
from vllm.v1.sample.logits_processor import BatchUpdate, LogitsProcessor
from vllm.v1.sample.logits_processor.builtin import process_dict_updates

from sophia.rollout.draw import FREE, DrawRows, draw, uniform_numbers
from sophia.types import SamplingParams

_KEY = "sophia_draw"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DrawSpec:
    """How one completion is drawn; travels to the processor with its request."""

    sampling: SamplingParams
    banned: tuple[int, ...]
    seed: int
    forced: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Row:
    spec: DrawSpec
    uniform: Tensor  # (T,)
    prompt_ids: list[int]
    output_ids: list[int]  # grows while vLLM runs; under way tokens count with their place

    @property
    def forced(self) -> int:
        place = len(self.output_ids)
        return self.spec.forced[place] if place < len(self.spec.forced) else FREE


def vllm_params(spec: DrawSpec, *, end_token_ids: tuple[int, ...]) -> VLLMParams:
    """What vLLM is told about one completion: to be greedy over what the processor leaves."""
    sampling = spec.sampling
    return VLLMParams(
        temperature=0.0,
        max_tokens=sampling.max_new_tokens,
        logprobs=0,
        stop=list(sampling.stop),
        stop_token_ids=list(end_token_ids),
        detokenize=bool(sampling.stop),
        extra_args={_KEY: spec},
        skip_clone=True,
    )


class SeededDraw(LogitsProcessor):  # type: ignore[misc]
    """Keeps track of which completion is in which row, and draws for all rows at once."""

    def __init__(self, vllm_config: VllmConfig, device: torch.device, is_pin_memory: bool) -> None:
        self._device = device
        self._rows: dict[int, _Row] = {}

    def is_argmax_invariant(self) -> bool:
        """False: the processor decides which token is the maximum."""
        return False

    def update_state(self, batch_update: BatchUpdate | None) -> None:
        """Follow requests that come, go and move."""
        process_dict_updates(self._rows, batch_update, _new_row)

    def apply(self, logits: Tensor) -> Tensor:
        """Logits (B, V) -> scores (B, V); rows that are not ours (warm-up) stay as they are."""
        places = sorted(place for place in self._rows if place < len(logits))
        if not places:
            return logits
        rows = [self._rows[place] for place in places]
        first = rows[0].spec
        assert all(row.spec.sampling == first.sampling for row in rows), "one draw at a time"
        mine = logits if len(places) == len(logits) else logits[places]
        drawn = draw(
            mine,
            self._draw_rows(rows, logits.shape[1]),
            sampling=first.sampling,
            banned=torch.tensor(first.banned, dtype=torch.long, device=logits.device),
        )
        scores = drawn.as_scores(mine)
        if mine is logits:
            return scores
        logits[places] = scores
        return logits

    def _draw_rows(self, rows: list[_Row], vocab_size: int) -> DrawRows:
        uniform = torch.stack([r.uniform[min(len(r.output_ids), len(r.uniform) - 1)] for r in rows])
        seen = None
        if rows[0].spec.sampling.repetition_penalty != 1.0:
            seen = torch.zeros(len(rows), vocab_size, dtype=torch.bool)
            for place, row in enumerate(rows):
                seen[place, [t for t in (*row.prompt_ids, *row.output_ids) if t >= 0]] = True
            seen = seen.to(self._device)
        return DrawRows(
            uniform=uniform[:, None].to(self._device),
            forced=torch.tensor([[row.forced] for row in rows], device=self._device),
            seen=seen,
        )


def _new_row(
    params: VLLMParams, prompt_ids: list[int] | None, output_ids: list[int]
) -> _Row | None:
    spec: DrawSpec | None = (params.extra_args or {}).get(_KEY)
    if spec is None:
        return None
    return _Row(
        spec=spec,
        uniform=uniform_numbers(spec.seed, spec.sampling.max_new_tokens),
        prompt_ids=prompt_ids or [],
        output_ids=output_ids,
    )
