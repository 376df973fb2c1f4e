"""Which rows a run may use for its model, decided before its first step.

Group-shared rows where the family is known to be computed exactly by them. Any other model is
probed: naive rows, when they agree with the model's own forward pass, or a refusal.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, distributed
from transformers import AutoConfig

from sophia.models.family import refuse_what_is_never_right, why_not_shared
from sophia.models.load import load_model
from sophia.models.scorer import TokenScorer
from sophia.types import EncodedPrompt, RowsKind, TrainBatch

log = logging.getLogger(__name__)

TOLERANCE = 1e-5
"""The most by which log-probabilities in float32 may differ and still count as the same."""

_PROBE = ((5, (9, 2, 6, 1)), (11, (3, 8)))
"""Two groups of made-up tokens: the length of the prompt, the lengths of its completions."""


def settled_rows(
    folder: Path | str, *, wanted: RowsKind, temperature: float, attn_implementation: str
) -> RowsKind:
    """The rows that are exact for a checkpoint: ``wanted``, or naive ones after a warning.

    A known family costs nothing. For any other model the first process loads the checkpoint into
    its memory, whole and in float32, and all processes take its verdict; so every process must
    call this. Raises ValueError when no rows are right.
    """
    config = AutoConfig.from_pretrained(folder)
    refuse_what_is_never_right(config)
    reason = why_not_shared(config)
    if reason is None:
        return wanted
    own = "sdpa" if attn_implementation.startswith("flash") else attn_implementation  # on a CPU
    apart = _on_first_process(
        lambda: naive_difference(load_model(folder, attn_implementation=own), temperature)
    )
    if not apart <= TOLERANCE:
        raise ValueError(
            f"{reason}, and naive rows are no way out: their log-probabilities are up to"
            f" {apart:.2g} away from those of the model's own (eager) forward pass, which may be"
            f" {TOLERANCE:g} at most. Its head or its attention does something that"
            " sophia/models/head.py or attn_implementation leaves out (as soft-capped logits)."
            " Try model.attn_implementation=eager, or choose another model."
        )
    if wanted == "shared" and _is_first_process():
        log.warning(
            "%s: this run uses naive rows, every completion behind its own copy of the prompt,"
            " which agree with the model's own forward pass within %.1e",
            reason,
            apart,
        )
    return "naive"


@torch.no_grad()
def naive_difference(model: Any, temperature: float) -> float:
    """The largest difference of a log-probability between naive rows and the model's own forward.

    The model's own is that of its ``eager`` attention, which leaves nothing out, on every sequence
    alone and without padding. The model keeps that attention.
    """
    if not hasattr(model, "model") or not hasattr(model, "lm_head"):
        raise ValueError(
            f"a {type(model).__name__} cannot be trained: it has no body .model with a head"
            " .lm_head, which sophia/models/scorer.py takes log-probabilities from."
        )
    batch = _made_up_batch(model.config)
    naive = TokenScorer(model, rows="naive", temperature=temperature)(batch).per_token_logps
    model.set_attn_implementation("eager")
    own = torch.cat(list(_own_logps(model, batch, temperature)))
    return float((naive - own).abs().max())


def _own_logps(model: Any, batch: TrainBatch, temperature: float) -> Iterator[Tensor]:
    """The log-probabilities (R,) of each completion's R tokens, by the model's own forward pass."""
    completions = torch.split(batch.completion_ids, batch.lengths.tolist())
    for group, completion in zip(batch.group_ids.tolist(), completions, strict=True):
        row = torch.cat([batch.prompts[group].prompt_ids, completion])[None]
        logits = model(input_ids=row, use_cache=False).logits[0, -len(completion) - 1 : -1]
        logps = (logits.float() / temperature).log_softmax(dim=1)
        yield logps.gather(1, completion[:, None])[:, 0]


def _made_up_batch(config: Any) -> TrainBatch:
    """Tokens that mean nothing in particular, the same every time."""
    draw = torch.Generator().manual_seed(0)
    special = {value for name, value in config.to_dict().items() if name.endswith("_token_id")}
    known = torch.arange(config.get_text_config().vocab_size)
    known = known[[token not in special for token in known.tolist()]]

    def tokens(count: int) -> Tensor:
        return known[torch.randint(len(known), (count,), generator=draw)]

    lengths = torch.tensor([length for _, group in _PROBE for length in group])
    count = int(lengths.sum())
    groups = [g for g, (_, group) in enumerate(_PROBE) for _ in group]
    return TrainBatch(
        prompts=tuple(_prompt(tokens(length)) for length, _ in _PROBE),
        group_ids=torch.tensor(groups),
        lengths=lengths,
        completion_ids=tokens(count),
        sequence_ids=torch.repeat_interleave(torch.arange(len(lengths)), lengths),
        sampling_per_token_logps=torch.zeros(count),
        loss_mask=torch.ones(count, dtype=torch.bool),
        advantages=torch.zeros(len(lengths)),
    )


def _prompt(ids: Tensor) -> EncodedPrompt:
    return EncodedPrompt(
        prompt_ids=ids,
        mm_token_type_ids=torch.zeros_like(ids),
        pixel_values=None,
        image_grid_thw=None,
    )


def _on_first_process(measure: Callable[[], float]) -> float:
    """Measure on the first process and give the number to all; every process must call this."""
    if not distributed.is_initialized():
        return measure()
    found: list[float | None] = [None]
    try:
        if _is_first_process():
            found[0] = measure()
    finally:  # the others wait for it, whatever went wrong
        distributed.broadcast_object_list(found, src=0)
    if found[0] is None:
        raise ValueError("the first process could not probe the model; its error says why.")
    return found[0]


def _is_first_process() -> bool:
    return not distributed.is_initialized() or distributed.get_rank() == 0
