"""What can be set about the vLLM engine; imports no vLLM."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class VLLMSettings:
    """The engine's sizes and its share of the machine.

    Args:
        dtype: the type of weights and cache.
        max_model_len: the longest prompt with its completion, in tokens; the model's own limit
            where that is lower.
        max_num_seqs: how many completions are decoded at a time.
        max_images: the most images in one prompt.
        enforce_eager: whether it runs without CUDA graphs.
        prefix_caching: whether the cache of a prompt is kept, so that its group prefills it once.
        tensor_parallel_size: how many processes share one engine; they run the same requests in
            the same order.
        gpu_memory_utilization: the share (0 to 1) of the GPU's memory for weights and cache.
        cpu_kv_cache_gib: the size of the cache on a CPU, in GiB.
        sleep_level: what is handed back while the trainer runs (GPU only). 0 nothing, 1 the cache
            (weights wait in host memory), 2 weights too (every weight is then pushed each step).
    """

    dtype: Literal["float32", "bfloat16", "float16"] = "bfloat16"
    max_model_len: int = 8192
    max_num_seqs: int = 256
    max_images: int = 8
    enforce_eager: bool = False
    prefix_caching: bool = True
    tensor_parallel_size: int = 1
    gpu_memory_utilization: float = 0.45
    cpu_kv_cache_gib: int = 1
    sleep_level: Literal[0, 1, 2] = 1

    def __post_init__(self) -> None:
        for name in ("max_model_len", "max_num_seqs", "max_images", "tensor_parallel_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"rollout {name} is {getattr(self, name)}; it must be at least 1.")
        if not 0.0 < self.gpu_memory_utilization < 1.0:
            raise ValueError(
                f"rollout gpu_memory_utilization is {self.gpu_memory_utilization}; it is a share"
                " of the GPU between 0 and 1, about 0.45 beside a trainer."
            )
