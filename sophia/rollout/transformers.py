"""The rollout engine without vLLM: Hugging Face ``generate``, prompt and image prefilled once.

Shapes: G requests of a chunk, B their completions, P the longest prompt, V vocabulary.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache, LogitsProcessorList

from sophia.models.image_features import image_outputs
from sophia.models.load import load_model
from sophia.rollout.sampler import SeededSampler
from sophia.rollout.streamer import TextStreamer
from sophia.rollout.weights import columns, whole
from sophia.types import (
    Completion,
    EncodedPrompt,
    GenerationRequest,
    Rollout,
    SamplingParams,
    WeightSample,
)


class TransformersEngine:
    """Holds a copy of the policy, so that sampling never touches sharded or training weights.

    Args:
        policy_folder: the checkpoint whose architecture (and first weights) it takes.
        decode: token ids -> text without special tokens.
        media_token_ids: tokens that may never be drawn.
        device: where it runs; ``auto`` is this process's GPU where there is one.
        max_batch_size: completions generated at a time; a request is never split.
    """

    def __init__(
        self,
        *,
        policy_folder: Path | str,
        decode: Callable[[Sequence[int]], str],
        media_token_ids: Sequence[int],
        device: str,
        max_batch_size: int,
    ) -> None:
        self._device = _resolve(device)
        self._model = load_model(policy_folder).to(self._device)
        self._decode = decode
        self._banned = tuple(media_token_ids)
        self._max_batch_size = max_batch_size
        eos = self._model.generation_config.eos_token_id
        self._eos = set(eos if isinstance(eos, list) else [eos])
        self._version = 0

    @torch.no_grad()
    def load_weights(self, weights: Iterable[tuple[str, Tensor]]) -> int:
        """Copy weights by Hugging Face name; unknown names are an error. Returns how many."""
        own = self._model.state_dict(keep_vars=True)
        count = 0
        for name, value in weights:
            if name not in own:
                raise ValueError(f"the engine's model has no weight {name!r}; was it renamed?")
            own[name].copy_(whole(value))
            count += 1
        self._version += 1
        return count

    @property
    def weights_version(self) -> int:
        """How many times weights were replaced."""
        return self._version

    @property
    def dtype(self) -> torch.dtype:
        """The precision it keeps weights in."""
        dtype: torch.dtype = self._model.dtype
        return dtype

    def read_weights(self, samples: Sequence[WeightSample]) -> list[Tensor]:
        """(rows, columns) of each weight."""
        own = self._model.state_dict()
        return [columns(own[sample.name], sample.columns) for sample in samples]

    def metrics(self) -> dict[str, float]:
        """Nothing that the step does not know itself."""
        return {}

    @contextlib.contextmanager
    def awake(self) -> Iterator[None]:
        """Memory stays where it is: this engine is for models that fit beside the trainer."""
        yield

    def generate(
        self, requests: Sequence[GenerationRequest], sampling: SamplingParams
    ) -> Iterator[Rollout]:
        """Chunk by chunk; a completion depends on its seed alone, not on the chunking."""
        if sampling.stop:
            raise ValueError(
                f"sampling.stop is {list(sampling.stop)}, but the transformers engine knows no stop"
                " strings. Leave it empty, or use rollout=vllm."
            )
        for chunk in _chunks(requests, self._max_batch_size):
            yield from self._generate_chunk(chunk, sampling)

    def stream(
        self, request: GenerationRequest, sampling: SamplingParams, show: Callable[[str], None]
    ) -> Rollout:
        """Generate one completion, handing each new piece of its text to ``show``."""
        if len(request.seeds) != 1:
            raise ValueError(f"one completion can be streamed, not {len(request.seeds)}.")
        streamer = TextStreamer(self._decode, show)
        return self._generate_chunk([request], sampling, streamer=streamer)[0]

    @torch.inference_mode()
    def _generate_chunk(
        self,
        requests: Sequence[GenerationRequest],
        sampling: SamplingParams,
        *,
        streamer: TextStreamer | None = None,
    ) -> list[Rollout]:
        ids, mask = self._padded([r.encoded for r in requests])
        repeats = torch.tensor([len(r.seeds) for r in requests], device=self._device)
        cache, deltas = self._prefill(requests, ids, mask)
        cache = _fan_out(cache, repeats)
        self._model.model.rope_deltas = deltas.repeat_interleave(repeats, dim=0)
        sampler = SeededSampler(
            [seed for r in requests for seed in r.seeds],
            sampling,
            banned=self._banned,
            device=self._device,
            forced=[tokens for r in requests for tokens in r.forced or ((),) * len(r.seeds)],
            prompt_mask=mask.repeat_interleave(repeats, dim=0),
        )
        output = self._model.generate(
            input_ids=ids.repeat_interleave(repeats, dim=0),
            attention_mask=mask.repeat_interleave(repeats, dim=0),
            past_key_values=cache,
            max_new_tokens=sampling.max_new_tokens,
            do_sample=False,
            logits_processor=LogitsProcessorList([sampler]),
            streamer=streamer,
        )
        return self._rollouts(requests, output[:, ids.shape[1] :].tolist(), sampler)

    def _padded(self, prompts: Sequence[EncodedPrompt]) -> tuple[Tensor, Tensor]:
        """(G, P) ids and mask, padded on the left, as a cache that grows to the right needs."""
        width = max(len(p.prompt_ids) for p in prompts)
        ids = torch.zeros(len(prompts), width, dtype=torch.long)
        mask = torch.zeros_like(ids)
        for row, prompt in enumerate(prompts):
            ids[row, width - len(prompt.prompt_ids) :] = prompt.prompt_ids
            mask[row, width - len(prompt.prompt_ids) :] = 1
        return ids.to(self._device), mask.to(self._device)

    def _prefill(
        self, requests: Sequence[GenerationRequest], ids: Tensor, mask: Tensor
    ) -> tuple[DynamicCache, Tensor]:
        """Cache of all but the last prompt token, and (G, 1) rope deltas."""
        body = self._model.model
        encoded = [r.encoded for r in requests]
        types = torch.zeros_like(ids)
        for row, prompt in enumerate(encoded):
            types[row, -len(prompt.prompt_ids) :] = prompt.mm_token_type_ids.to(self._device)
        inputs: dict[str, Any] = {}
        deltas = torch.zeros(len(ids), 1, dtype=torch.long, device=self._device)
        if hasattr(body, "get_rope_index"):
            grids = _cat([p.image_grid_thw for p in encoded], self._device)
            positions, deltas = body.get_rope_index(
                ids, mm_token_type_ids=types, image_grid_thw=grids, attention_mask=mask
            )
            # get_rope_index counts the delta from the row's own tokens, generate from the padded
            # attention mask's sum: the same thing, since the mask leaves the padding out.
            inputs["position_ids"] = positions[:, :, :-1]
            inputs |= self._images(encoded, grids)
        cache = DynamicCache(config=self._model.config.get_text_config())
        body(
            input_ids=ids[:, :-1],
            attention_mask=mask[:, :-1],
            past_key_values=cache,
            use_cache=True,
            **inputs,
        )
        return cache, deltas

    def _images(self, encoded: Sequence[EncodedPrompt], grids: Tensor | None) -> dict[str, Any]:
        """What the body takes for images: features where they are known, or pixels."""
        features = [p.image_features for p in encoded if p.image_features]
        if features:
            return {"mm_encoder_outputs": {"image": image_outputs(features, self._device)}}
        if grids is None:
            return {}
        values = _cat([p.pixel_values for p in encoded], self._device)
        return {"pixel_values": values, "image_grid_thw": grids}

    def _rollouts(
        self,
        requests: Sequence[GenerationRequest],
        generated: Sequence[Sequence[int]],
        sampler: SeededSampler,
    ) -> list[Rollout]:
        logps = sampler.sampled_logps().tolist()
        rollouts, row = [], 0
        for request in requests:
            completions = []
            for seed in request.seeds:
                completions.append(self._completion(generated[row], logps[row], seed))
                row += 1
            rollouts.append(
                Rollout(
                    prompt=request.prompt,
                    encoded=request.encoded,
                    completions=tuple(completions),
                )
            )
        return rollouts

    def _completion(self, ids: Sequence[int], logps: Sequence[float], seed: int) -> Completion:
        end = next((i + 1 for i, token in enumerate(ids) if token in self._eos), None)
        kept = tuple(ids[:end])
        return Completion(
            text=self._decode(kept),
            token_ids=kept,
            sampling_logps=tuple(logps[: len(kept)]),
            finish_reason="length" if end is None else "stop",
            seed=seed,
        )


def _chunks(
    requests: Sequence[GenerationRequest], max_batch_size: int
) -> Iterator[list[GenerationRequest]]:
    chunk: list[GenerationRequest] = []
    for request in requests:
        size = sum(len(r.seeds) for r in chunk) + len(request.seeds)
        if chunk and size > max_batch_size:
            yield chunk
            chunk = []
        chunk.append(request)
    if chunk:
        yield chunk


def _fan_out(cache: DynamicCache, repeats: Tensor) -> DynamicCache:
    """One prefilled row -> one per completion."""
    rows = torch.repeat_interleave(torch.arange(len(repeats), device=repeats.device), repeats)
    cache.reorder_cache(rows)
    return cache


def _cat(tensors: Sequence[Tensor | None], device: torch.device) -> Tensor | None:
    present = [t for t in tensors if t is not None]
    return torch.cat(present).to(device) if present else None


def _resolve(device: str) -> torch.device:
    if device != "auto":
        return torch.device(device)
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
