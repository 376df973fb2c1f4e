"""What a run will need of each GPU, before anything is loaded.

Bytes per process. Weights, gradients and moments follow from shapes and are exact; activations are
an estimate of the largest micro-batch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from sophia.models.head import CHUNK_TOKENS
from sophia.models.sharding import layers

GIB = 2**30
_FLOAT32 = 4
_PATCH_PIXELS = 14 * 14
_TYPICAL_PROMPT_TOKENS = 2048  # where a run sets no limit
_RESERVED = 1.5 * GIB  # CUDA context, communication buffers, fragmentation


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How a run spreads what it holds.

    Args:
        world_size: processes that share weights; 1 when every process holds all of them.
        compute_dtype: the type of forward and backward.
        offload: what is kept on the CPU, of ``optimizer`` and ``reference``.
        reference: whether a reference model is held beside the policy.
        moments: how many numbers the optimizer keeps per trained weight.
        gradient_checkpointing: whether layers are computed again in the backward.
        replicated: names of weights that every process holds whole.
    """

    world_size: int
    compute_dtype: torch.dtype
    offload: tuple[str, ...]
    reference: bool
    moments: int
    gradient_checkpointing: bool
    replicated: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """The largest micro-batch: tokens of its packed row, and patches of its images."""

    tokens: int
    patches: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryPlan:
    """Bytes by what they are for, for one process.

    ``held`` is on the GPU all the time, ``training`` only while training, ``rollout`` only while
    completions are generated; ``host`` is on the CPU.
    """

    held: Mapping[str, float]
    training: Mapping[str, float]
    rollout: Mapping[str, float]
    host: Mapping[str, float]

    @property
    def peak(self) -> float:
        """The most bytes of the GPU that are taken at a time: in training, or while generating."""
        return sum(self.held.values()) + max(
            sum(self.training.values()), sum(self.rollout.values())
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineMemory:
    """Bytes that the rollout engine holds while it generates, and while the trainer works."""

    awake: float
    asleep: float


def plan_memory(model: Any, layout: Layout, load: Load, engine: EngineMemory) -> MemoryPlan:
    """The plan for a model, which may be on the meta device."""
    parameters = dict(model.named_parameters())
    trained = {n: p for n, p in parameters.items() if p.requires_grad}
    held = sum(_held(n, p, layout, p.element_size()) for n, p in parameters.items())
    per_trained = sum(_held(n, p, layout, _FLOAT32) for n, p in trained.items())
    width = layout.compute_dtype.itemsize
    copy = sum(_held(n, p, layout, width) for n, p in parameters.items())
    weights = {"policy": held, "optimizer": layout.moments * per_trained}
    gradients = {"gradients": per_trained}
    on_host = "optimizer" in layout.offload
    reference = {"reference": copy} if layout.reference else {}
    reference_on_host = "reference" in layout.offload
    return MemoryPlan(
        held={
            **({} if on_host else weights),
            **({} if reference_on_host else reference),
            "CUDA and fragments": _RESERVED,
        },
        training={
            **({} if on_host else gradients),
            "gathered layers": _gathered(model, layout),
            "activations": activation_bytes(model.config, layout, load),
            "engine, asleep": engine.asleep,
        },
        rollout={"engine": engine.awake},
        host={
            **({**weights, **gradients} if on_host else {}),
            **(reference if reference_on_host else {}),
        },
    )


def _held(name: str, parameter: Any, layout: Layout, width: int) -> float:
    """Bytes of a parameter in the first process, which has the largest shards."""
    if name in layout.replicated:
        return float(parameter.numel() * layout.compute_dtype.itemsize)
    rows = parameter.shape[0] if parameter.dim() else 1
    share = -(-rows // layout.world_size) if rows else 0
    return float(share * (parameter.numel() // max(rows, 1)) * width)


def _gathered(model: Any, layout: Layout) -> float:
    """Bytes of the weights gathered at a time: two layers (one computed, one fetched), the rest."""
    if layout.world_size == 1 and layout.compute_dtype == torch.float32:
        return 0.0
    sizes = [sum(p.numel() for p in layer.parameters()) for layer in layers(model)]
    rest = sum(p.numel() for p in model.parameters()) - sum(sizes)
    return float((2 * max(sizes) + rest) * layout.compute_dtype.itemsize)


def activation_bytes(config: Any, layout: Layout, load: Load) -> float:
    """An estimate in bytes: what every layer saves, one layer's inside, a chunk of logits."""
    text, width = config.get_text_config(), layout.compute_dtype.itemsize
    inside = load.tokens * (6 * text.hidden_size + 3 * text.intermediate_size) * width
    saved = load.tokens * text.hidden_size * width * text.num_hidden_layers
    if not layout.gradient_checkpointing:
        saved = inside * text.num_hidden_layers
    vision = getattr(config, "vision_config", None)
    if vision is not None:
        hidden = getattr(vision, "embed_dim", vision.hidden_size)
        saved += load.patches * hidden * width * vision.depth
        inside = max(inside, load.patches * 12 * hidden * width)
    logits = 3 * CHUNK_TOKENS * text.vocab_size * _FLOAT32
    head_gradient = text.vocab_size * text.hidden_size * _FLOAT32
    return float(saved + 2 * inside + logits + head_gradient)


def moments_of(optimizer: type) -> int:
    """Numbers that an optimizer keeps per trained weight: two for the Adam family, else one."""
    return 2 if "Adam" in optimizer.__name__ else 1


def largest_micro_batch(
    *,
    micro_batch_tokens: int,
    max_prompt_tokens: int | None,
    max_new_tokens: int,
    num_generations: int,
    max_pixels: int,
) -> Load:
    """The most that a forward and backward holds, with prompts and images as large as allowed.

    Without ``max_prompt_tokens`` a prompt is taken to have 2048 tokens.
    """
    prompt = max_prompt_tokens or _TYPICAL_PROMPT_TOKENS
    tokens = max(micro_batch_tokens, prompt + max_new_tokens)
    groups = max(tokens // (prompt + num_generations * max_new_tokens), 1)
    # An image's tokens are a quarter of its patches, and the prompt limit holds for them too.
    patches = min(max_pixels / _PATCH_PIXELS, 4 * prompt) * groups
    return Load(tokens=tokens, patches=int(patches))


def transformers_engine_memory(model: Any) -> EngineMemory:
    """The transformers engine: a float32 copy of the model, and awake a quarter more as cache."""
    copy = 4.0 * sum(p.numel() for p in model.parameters())
    return EngineMemory(awake=1.25 * copy, asleep=copy)


def vllm_engine_memory(
    model: Any, *, device_bytes: float, gpu_memory_utilization: float, sleep_level: int
) -> EngineMemory:
    """vLLM: awake its share of the GPU's ``device_bytes``.

    Asleep it holds as much at sleep level 0, its weights in bfloat16 at 1, nothing at 2.
    """
    awake = gpu_memory_utilization * device_bytes
    weights = 2.0 * sum(p.numel() for p in model.parameters())
    return EngineMemory(awake=awake, asleep={0: awake, 1: weights, 2: 0.0}[sleep_level])
