"""The rollout engine on vLLM, in the training process. vLLM is imported when it is first needed."""

from __future__ import annotations

import contextlib
import importlib.util
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, distributed
from transformers import GenerationConfig

from sophia.failures import EngineFailed
from sophia.metrics import Mean, Metric
from sophia.rollout.vllm.memory import MemoryHandOver
from sophia.rollout.vllm.settings import VLLMSettings
from sophia.rollout.vllm.watchdog import Patience
from sophia.types import (
    Completion,
    GenerationRequest,
    Media,
    Prompt,
    Rollout,
    SamplingParams,
    WeightSample,
)


class VLLMEngine:
    """A RolloutEngine on vLLM, which gets prompts as ids and their images beside them.

    The ids have one placeholder per image. A group's completions are requests of their own that
    share the prompt's cache; each depends on its own seed only.

    Args:
        policy_folder: the checkpoint whose architecture (and first weights) it takes.
        decode: turns token ids into text without special tokens.
        unexpanded_ids: the ids of a prompt, with one placeholder per image.
        media_token_ids: tokens that may never be drawn.
        seed: the run's seed; given to vLLM, which draws nothing with it.
        settings: its sizes and its share of the machine.
        patience: how long vLLM may take for a step of its own and for a whole rollout.
    """

    def __init__(
        self,
        *,
        policy_folder: Path | str,
        decode: Callable[[Sequence[int]], str],
        unexpanded_ids: Callable[[Prompt], Sequence[int]],
        media_token_ids: Sequence[int],
        seed: int,
        settings: VLLMSettings,
        patience: Patience,
    ) -> None:
        self._folder = policy_folder
        self._decode = decode
        self._unexpanded_ids = unexpanded_ids
        self._banned = tuple(media_token_ids)
        self._seed = seed
        self._settings = settings
        self._patience = patience
        self._version = 0
        self.num_prompt_tokens = 0
        """Prompt tokens of all completions since it last woke; each counts its own prompt."""
        self.num_cached_tokens = 0
        """How many of those came from the cache and were not computed again."""
        self._memory = MemoryHandOver(settings.sleep_level)
        self._never_pushed: list[str] | None = None  # unknown before the first push
        self._llm: Any = None
        self._end_token_ids: tuple[int, ...] = ()  # known once vLLM is started

    @property
    def weights_version(self) -> int:
        """How many times weights were replaced."""
        return self._version

    @property
    def dtype(self) -> torch.dtype:
        """The type that it keeps weights in."""
        dtype: torch.dtype = getattr(torch, self._settings.dtype)
        return dtype

    @torch.no_grad()
    def load_weights(self, weights: Iterable[tuple[str, Tensor]]) -> int:
        """Replace weights by Hugging Face name and forget all that was computed with the old ones.

        Layers come whole: vLLM stacks q, k, v (and gate, up) into one layer, and would leave what
        is not sent of such a layer uninitialised.
        """
        names: list[str] = []
        llm = self._started()
        self._run(lambda: self._memory.take(llm, "weights"))

        def counted() -> Iterator[tuple[str, Tensor]]:
            for name, value in weights:
                names.append(name)
                yield name, value.to(self.dtype)

        self._run(
            lambda: llm.collective_rpc("reload_weights", kwargs={"weights_iterator": counted()})
        )
        self._forget(llm)
        self._after_load(llm, names)
        self._memory.pushed()
        self._version += 1
        return len(names)

    def _after_load(self, llm: Any, names: Sequence[str]) -> None:
        from sophia.rollout.vllm.weights import never_sent, partial_layers, repack_tied_heads

        llm.apply_model(repack_tied_heads)
        self._never_pushed = llm.apply_model(never_sent(names))[0]
        missing = llm.apply_model(partial_layers(names))[0]
        if missing:
            raise EngineFailed(
                f"weights were sent without {missing[0]!r} ({len(missing)} in all), which vLLM"
                " keeps in the same layer: that layer is now undefined. Train or freeze such"
                " weights together."
            )

    def _forget(self, llm: Any) -> None:
        """Empty prefix, encoder and multimodal cache, which are keyed by prompt, not by weights."""
        if not llm.reset_prefix_cache():
            raise EngineFailed("vLLM could not reset its prefix cache: requests are still running.")
        llm.llm_engine.reset_encoder_cache()
        llm.llm_engine.reset_mm_cache()

    def read_weights(self, samples: Sequence[WeightSample]) -> list[Tensor]:
        """The (rows, columns) of each sample, asked of the layer that computes with the weight."""
        llm = self._started()
        from sophia.rollout.vllm.weights import reader

        self._run(lambda: self._memory.take(llm, "weights"))
        read: list[Tensor] = llm.apply_model(reader(samples))[0]
        return read

    def metrics(self) -> dict[str, Metric]:
        """The share of prompt tokens that came from the cache; on a GPU, memory handed back."""
        cached = Mean(total=self.num_cached_tokens, count=self.num_prompt_tokens)
        return {"engine/cached_prompt_share": cached, **self._memory.metrics()}

    @contextlib.contextmanager
    def awake(self) -> Iterator[None]:
        """Hold the cache's memory, on a GPU, only inside; metrics are counted anew from here."""
        llm = self._started()
        self.num_prompt_tokens = self.num_cached_tokens = 0
        self._run(lambda: self._memory.take(llm, "weights", "kv_cache"))
        try:
            yield
        finally:
            never = self._never_pushed
            self._run(lambda: self._memory.hand_back(llm, never_pushed=never))

    def generate(
        self, requests: Sequence[GenerationRequest], sampling: SamplingParams
    ) -> Iterator[tuple[int, Rollout]]:
        """Submit all requests, then yield rollouts with their requests' indices as groups finish.

        Raises EngineFailed when vLLM fails or takes too long.
        """
        self._memory.check_weights()
        engine = self._started().llm_engine
        first, last = 0, len(requests)
        if self._settings.tensor_parallel_size > 1:
            requests, first = _of_all_ranks(requests)
            last += first
        self._run(lambda: self._submit(engine, requests, sampling))
        finished: dict[int, dict[int, Completion]] = defaultdict(dict)
        started = time.monotonic()
        try:
            while engine.has_unfinished_requests():
                for output in self._run(engine.step):
                    if not output.finished:
                        continue
                    place, index = map(int, output.request_id.split("/"))
                    self._check_prompt(requests[place], output.prompt_token_ids)
                    self.num_prompt_tokens += len(output.prompt_token_ids)
                    self.num_cached_tokens += output.num_cached_tokens or 0
                    seed = requests[place].seeds[index]
                    finished[place][index] = self._completion(output.outputs[0], seed)
                    done = len(finished[place]) == len(requests[place].seeds)
                    if done and first <= place < last:
                        yield place - first, _rollout(requests[place], finished.pop(place))
                self._patience.check(started, unfinished=engine.get_num_unfinished_requests())
        finally:
            self._cancel(engine)

    def _submit(
        self, engine: Any, requests: Sequence[GenerationRequest], sampling: SamplingParams
    ) -> None:
        from sophia.rollout.vllm.draw import DrawSpec, vllm_params

        limit = engine.model_config.max_model_len
        for place, request in enumerate(requests):
            length = len(request.encoded.prompt_ids)
            if length + sampling.max_new_tokens > limit:
                raise ValueError(
                    f"prompt {request.prompt.uid!r} has {length} tokens; with"
                    f" {sampling.max_new_tokens} new ones it is longer than {limit}. Raise"
                    " rollout.settings.max_model_len or lower sampling.max_new_tokens."
                )
            prompt = self._prompt(request.prompt)
            forced = request.forced or ((),) * len(request.seeds)
            for index, (seed, tokens) in enumerate(zip(request.seeds, forced, strict=True)):
                spec = DrawSpec(sampling=sampling, banned=self._banned, seed=seed, forced=tokens)
                params = vllm_params(spec, end_token_ids=self._end_token_ids)
                engine.add_request(f"{place}/{index}", prompt, params)

    def _prompt(self, prompt: Prompt) -> dict[str, Any]:
        given: dict[str, Any] = {"prompt_token_ids": list(self._unexpanded_ids(prompt))}
        if prompt.media:
            given["multi_modal_data"] = {"image": [_image(media) for media in prompt.media]}
        return given

    def _check_prompt(self, request: GenerationRequest, seen: Sequence[int]) -> None:
        """Raise EngineFailed unless vLLM, which expands placeholders, saw the same prompt."""
        expected = request.encoded.prompt_ids.tolist()
        if list(seen) != expected:
            raise EngineFailed(
                f"prompt {request.prompt.uid!r} is {len(expected)} tokens for the trainer and"
                f" {len(seen)} for vLLM, or other ones: do both use the same image processor"
                " settings (preprocessor_config.json)?"
            )

    def _completion(self, output: Any, seed: int) -> Completion:
        ids = tuple(output.token_ids)
        logps = tuple(
            entry[token].logprob for entry, token in zip(output.logprobs, ids, strict=True)
        )
        return Completion(
            text=self._decode(ids),
            token_ids=ids,
            sampling_logps=logps,
            finish_reason="length" if output.finish_reason == "length" else "stop",
            seed=seed,
        )

    def _started(self) -> Any:
        """The engine, built on first use."""
        if self._llm is None:
            if importlib.util.find_spec("vllm") is None:
                raise ValueError(
                    "rollout=vllm needs vLLM, which is not installed: pip install -e '.[vllm]'"
                    " (docs/vllm.md has the CPU build), or use rollout=transformers."
                )
            from sophia.rollout.vllm.start import start_llm

            self._llm = start_llm(self._folder, self._settings, self._seed)
            eos = GenerationConfig.from_pretrained(self._folder).eos_token_id
            self._end_token_ids = tuple(eos) if isinstance(eos, list) else (eos,)
            self._memory.announce()
        return self._llm

    def _run(self, action: Callable[[], Any]) -> Any:
        """Run something of vLLM; what dies in it (no memory, a dead worker) is an EngineFailed."""
        with self._patience.heartbeat():
            try:
                return action()
            except RuntimeError as error:
                raise EngineFailed(f"vLLM failed: {type(error).__name__}: {error}") from error

    def _cancel(self, engine: Any) -> None:
        engine.abort_request(list(engine.output_processor.request_states), internal=True)


def _of_all_ranks(
    requests: Sequence[GenerationRequest],
) -> tuple[list[GenerationRequest], int]:
    """The requests of all ranks, in one order for all, and where this rank's begin.

    A rank's own stay whole: its rollouts are trained on with their pixels.
    """
    rank = distributed.get_rank()
    everyone: list[list[GenerationRequest]] = [[]] * distributed.get_world_size()
    distributed.all_gather_object(everyone, [_without_pixels(r) for r in requests])
    everyone[rank] = list(requests)
    return [r for theirs in everyone for r in theirs], sum(map(len, everyone[:rank]))


def _without_pixels(request: GenerationRequest) -> GenerationRequest:
    """The request without pixels, which may lie on this process's GPU; vLLM makes its own."""
    encoded = replace(request.encoded, pixel_values=None, image_features=())
    return replace(request, encoded=encoded)


def _image(media: Media) -> Any:
    if isinstance(media.source, (Path, bytes)):
        raise TypeError(f"medium {media.source!r} is not open; open it in the data module first.")
    return media.source


def _rollout(request: GenerationRequest, completions: dict[int, Completion]) -> Rollout:
    ordered = tuple(completions[index] for index in range(len(request.seeds)))
    return Rollout(prompt=request.prompt, encoded=request.encoded, completions=ordered)
