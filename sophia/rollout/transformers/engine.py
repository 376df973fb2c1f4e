"""The rollout engine without vLLM: a Hugging Face model, sampled token by token."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor

from sophia.metrics import Metric
from sophia.models.family import refuse_what_is_never_right, why_not_shared
from sophia.models.load import load_model
from sophia.models.shared_attention import set_shared_attention
from sophia.rollout.transformers.decoding import Decoding
from sophia.rollout.transformers.forward import Forward, OwnForward, SharedForward
from sophia.rollout.transformers.streamer import TextStreamer
from sophia.rollout.weights import columns
from sophia.types import (
    Completion,
    GenerationRequest,
    Rollout,
    SamplingParams,
    WeightSample,
)

_MAX_PROMPT_TOKENS = 32768
"""The most in a chunk, every prompt counted as long as the longest: so their keys are kept."""


class TransformersEngine:
    """Holds a copy of the policy, so that sampling never touches sharded or training weights.

    Args:
        policy_folder: the checkpoint whose architecture (and first weights) it takes.
        decode: turns token ids into text without special tokens.
        media_token_ids: tokens that may never be drawn.
        device: where it runs; ``auto`` is this process's GPU where there is one.
        max_batch_size: completions generated at a time; a request is never split. A model that
            group-shared prompts are not exact for gets one request at a time.
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
        self._shares_prompts = self._prepare_attention()
        self._decode = decode
        self._banned = tuple(media_token_ids)
        self._max_batch_size = max_batch_size
        eos = self._model.generation_config.eos_token_id
        self._end_ids = tuple(eos) if isinstance(eos, list) else (eos,)
        self._version = 0

    @torch.no_grad()
    def load_weights(self, weights: Iterable[tuple[str, Tensor]]) -> int:
        """Copy weights by Hugging Face name; unknown names are an error. Returns how many."""
        own = self._model.state_dict(keep_vars=True)
        count = 0
        for name, value in weights:
            if name not in own:
                raise ValueError(f"the engine's model has no weight {name!r}; was it renamed?")
            own[name].copy_(value)
            count += 1
        self._version += 1
        return count

    @property
    def weights_version(self) -> int:
        """How many times weights were replaced."""
        return self._version

    @property
    def dtype(self) -> torch.dtype:
        """The type that it keeps weights in."""
        dtype: torch.dtype = self._model.dtype
        return dtype

    def read_weights(self, samples: Sequence[WeightSample]) -> list[Tensor]:
        """The (rows, columns) of each sample, from the weights that it samples with."""
        own = self._model.state_dict()
        return [columns(own[sample.name], sample.columns) for sample in samples]

    def metrics(self) -> dict[str, Metric]:
        """No figures: this engine has none that the step does not know itself."""
        return {}

    @contextlib.contextmanager
    def awake(self) -> Iterator[None]:
        """Do nothing: memory stays where it is, for models that fit beside the trainer."""
        yield

    def generate(
        self, requests: Sequence[GenerationRequest], sampling: SamplingParams
    ) -> Iterator[tuple[int, Rollout]]:
        """Yield rollouts with the indices of their requests, chunk by chunk.

        A completion depends on its seed alone, not on how requests are cut into chunks. Raises
        ValueError for stop strings, which this engine does not know.
        """
        if sampling.stop:
            raise ValueError(
                f"sampling.stop is {list(sampling.stop)}, but the transformers engine knows no stop"
                " strings. Leave it empty, or use rollout=vllm."
            )
        size = self._max_batch_size if self._shares_prompts else 1  # then each request alone
        first = 0
        for chunk in chunks(requests, size):
            for place, rollout in self._decode_chunk(chunk, sampling):
                yield first + place, rollout
            first += len(chunk)

    def stream(
        self, request: GenerationRequest, sampling: SamplingParams, show: Callable[[str], None]
    ) -> Rollout:
        """Generate one completion, handing each new piece of its text to ``show``."""
        if len(request.seeds) != 1:
            raise ValueError(f"one completion can be streamed, not {len(request.seeds)}.")
        streamer = TextStreamer(self._decode, show)
        ((_, rollout),) = self._decode_chunk([request], sampling, streamer.put)
        streamer.end()
        return rollout

    @torch.inference_mode()
    def _decode_chunk(
        self,
        requests: Sequence[GenerationRequest],
        sampling: SamplingParams,
        watch: Callable[[int], None] | None = None,
    ) -> Iterator[tuple[int, Rollout]]:
        """Rollouts as their groups finish, each with the index of its request.

        ``watch`` is given each token of the first row.
        """
        decoding = Decoding(
            self._forward(requests), requests, sampling,
            banned=self._banned, end_ids=self._end_ids, device=self._device, watch=watch,
        )  # fmt: skip
        for drawn in decoding:
            request = requests[drawn.place]
            rows = zip(drawn.token_ids, drawn.logps, request.seeds, strict=True)
            completions = tuple(self._completion(*row) for row in rows)
            rollout = Rollout(
                prompt=request.prompt, encoded=request.encoded, completions=completions
            )
            yield drawn.place, rollout

    def _prepare_attention(self) -> bool:
        """Choose the attention; returns whether prompts are computed once per group.

        Where that is not exact the model gets its eager attention, because others may leave out
        what a model does to its scores.
        """
        refuse_what_is_never_right(self._model.config)
        if why_not_shared(self._model.config) is None:
            set_shared_attention(self._model)
            return True
        self._model.set_attn_implementation("eager")
        return False

    def _forward(self, requests: Sequence[GenerationRequest]) -> Forward:
        if not self._shares_prompts:
            return OwnForward(self._model, requests[0], device=self._device)
        return SharedForward(
            self._model,
            [request.encoded for request in requests],
            num_samples=len(requests[0].seeds),
            device=self._device,
        )

    def _completion(self, ids: Sequence[int], logps: Sequence[float], seed: int) -> Completion:
        end = next((i + 1 for i, token in enumerate(ids) if token in self._end_ids), None)
        kept = tuple(ids[:end])
        return Completion(
            text=self._decode(kept),
            token_ids=kept,
            sampling_logps=tuple(logps[: len(kept)]),
            finish_reason="length" if end is None else "stop",
            seed=seed,
        )


def chunks(
    requests: Sequence[GenerationRequest], max_batch_size: int
) -> Iterator[list[GenerationRequest]]:
    """Cut requests into runs of neighbours with equally many samples, as many as fit."""
    chunk: list[GenerationRequest] = []
    longest = 0
    for request in requests:
        samples, count = len(request.seeds), len(chunk) + 1
        longest = max(longest, len(request.encoded.prompt_ids))
        full = count * samples > max_batch_size or count * longest > _MAX_PROMPT_TOKENS
        if chunk and (full or len(chunk[0].seeds) != samples):
            yield chunk
            chunk, longest = [], len(request.encoded.prompt_ids)
        chunk.append(request)
    if chunk:
        yield chunk


def _resolve(device: str) -> torch.device:
    if device != "auto":
        return torch.device(device)
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
