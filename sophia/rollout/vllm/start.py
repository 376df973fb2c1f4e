"""Starts vLLM in this process, and puts back what starting it disturbs."""

from __future__ import annotations

import contextlib
import os
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import distributed
from transformers import AutoConfig

from sophia.rollout.vllm.settings import VLLMSettings


def start_llm(folder: Path | str, settings: VLLMSettings, seed: int) -> object:
    """Start a vllm.LLM with the weights of a folder; the random state stays as it was.

    Raises ValueError for a number of processes that it cannot be shared by.
    """
    _set_environment(settings)
    _join_processes()
    with _random_state_kept():
        from vllm import LLM  # after the environment: vLLM reads it on import

        from sophia.rollout.vllm.draw import SeededDraw

        return LLM(
            model=str(folder),
            dtype=settings.dtype,
            max_model_len=_max_model_len(folder, settings),
            max_num_seqs=settings.max_num_seqs,
            limit_mm_per_prompt={"image": settings.max_images, "video": 0},
            enforce_eager=settings.enforce_eager or not torch.cuda.is_available(),
            enable_prefix_caching=settings.prefix_caching,
            tensor_parallel_size=settings.tensor_parallel_size,
            distributed_executor_backend=_executor(settings),
            gpu_memory_utilization=settings.gpu_memory_utilization,
            enable_sleep_mode=settings.sleep_level > 0 and torch.cuda.is_available(),
            logits_processors=[SeededDraw],
            logprobs_mode="processed_logits",
            generation_config="vllm",
            disable_log_stats=True,
            seed=seed,
        )


def _set_environment(settings: VLLMSettings) -> None:
    """Set what vLLM reads from the environment; what a user has set wins, but for the first two.

    Those are needed: the engine in this process, and the runner that knows our processor.
    """
    os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"
    os.environ["VLLM_USE_V2_MODEL_RUNNER"] = "0"
    os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", str(settings.cpu_kv_cache_gib))
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
    os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")
    if not torch.cuda.is_available():
        # The first request that returns log-probabilities would compile for 8 to 24 s.
        os.environ.setdefault("TORCH_COMPILE_DISABLE", "1")


def _join_processes() -> None:
    """Make the process group before vLLM would make one of a single process."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1 and not distributed.is_initialized():
        distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")


def _executor(settings: VLLMSettings) -> str | None:
    processes = distributed.get_world_size() if distributed.is_initialized() else 1
    size = settings.tensor_parallel_size
    if size not in (1, processes):
        raise ValueError(
            f"rollout.settings.tensor_parallel_size is {size}, but there are {processes} processes;"
            " it must be 1 or all of them. Start them with torchrun --nproc-per-node N train.py ..."
        )
    return "external_launcher" if processes > 1 else None


def _max_model_len(folder: Path | str, settings: VLLMSettings) -> int:
    text = AutoConfig.from_pretrained(folder).get_text_config()
    return min(settings.max_model_len, int(text.max_position_embeddings))


@contextlib.contextmanager
def _random_state_kept() -> Iterator[None]:
    """Put the random state back at the end: vLLM seeds all generators of the process."""
    python, numpy = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng():
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
