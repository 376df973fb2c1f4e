"""Floating-point operations of a batch, and what devices can do: the parts of MFU.

Counted are multiplications and additions of matrix products that have to be done: a prompt that a
group shares counts once, a causal pair once, nothing that is computed again for memory.

Shapes: P prompt tokens, R completion tokens, S patches of an image, H hidden size, V vocabulary.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from sophia.models.family import in_decoder_layer, num_attending_layers, tower_of
from sophia.types import RowsKind, TrainBatch

# Dense bfloat16 TFLOP/s with float32 accumulation, without sparsity, from the makers' data sheets.
# The first pattern that is found in a device's name counts.
_PEAKS = (
    (r"H100 PCIe", 756.0),
    (r"H100 NVL", 835.0),
    (r"GH200|H[128]00", 989.0),
    (r"H20\b", 148.0),
    (r"B200|GB200", 2250.0),
    (r"A[18]00", 312.0),
    (r"A40\b", 149.7),
    (r"A30\b", 165.0),
    (r"A10G", 70.0),
    (r"A10\b", 125.0),
    (r"L40S", 362.0),
    (r"L40\b", 181.0),
    (r"L4\b", 121.0),
    (r"RTX A6000", 154.8),
    (r"RTX 6000 Ada", 364.2),
    (r"RTX 4090", 165.2),
    (r"RTX 3090", 71.0),
    (r"MI300X", 1307.4),
    (r"MI250X", 383.0),
)


def peak_flops(device_name: str) -> float | None:
    """What a device can do, in operations per second; None for one that is not in the table."""
    for pattern, tflops in _PEAKS:
        if re.search(pattern, device_name):
            return tflops * 1e12
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelShape:
    """The sizes of a model that operations follow from; weights count matrices only, unsharded."""

    layer_weights: int  # of all decoder layers
    num_layers: int  # decoder layers in which tokens attend to each other in pairs
    attention_width: int  # heads x head size
    head_weights: int  # H x V
    block_weights: int = 0  # of all vision blocks, and the patch embedding
    projector_weights: int = 0  # of what turns patches into image tokens
    vision_width: int = 0  # hidden size of the vision blocks
    vision_full_layers: int = 0  # blocks in which all patches of an image attend to each other
    vision_window_layers: int = 0  # blocks in which only those of a window do
    window_patches: int = 0  # patches of a window
    merge: int = 1  # patches that become one image token


@dataclass(frozen=True, slots=True, kw_only=True)
class Flops:
    """Operations of one forward, in the language model (with its head) and the vision tower."""

    text: float
    vision: float


def model_shape(model: Any) -> ModelShape:
    """The sizes of a Hugging Face model; sharded weights count whole."""
    config = model.config.get_text_config()
    heads = config.num_attention_heads
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // heads
    text = {
        "layer_weights": _weights(model, lambda name: in_decoder_layer(name, model.config)),
        "num_layers": num_attending_layers(config),
        "attention_width": heads * head_dim,
        "head_weights": config.vocab_size * config.hidden_size,
    }
    tower = tower_of(model.config)
    if tower is None:
        return ModelShape(**text)
    vision = model.config.vision_config
    full = getattr(vision, "fullatt_block_indexes", None)
    num_full = vision.depth if full is None else len(full)
    return ModelShape(
        **text,
        block_weights=_weights(model, tower.is_encoder),
        projector_weights=_weights(model, lambda name: tower.part_of(name) == "projector"),
        vision_width=getattr(vision, "embed_dim", vision.hidden_size),
        vision_full_layers=num_full,
        vision_window_layers=vision.depth - num_full,
        window_patches=(getattr(vision, "window_size", 0) // vision.patch_size) ** 2,
        merge=vision.spatial_merge_size**2,
    )


def forward_flops(shape: ModelShape, batch: TrainBatch, rows: RowsKind) -> Flops:
    """Operations of a forward over a batch: prompts, completions, images without known features."""
    text = vision = 0.0
    for group, prompt in enumerate(batch.prompts):
        lengths = batch.lengths[batch.group_ids == group].tolist()
        p, copies = len(prompt.prompt_ids), len(lengths)
        if rows == "shared":
            tokens = p - 1 + sum(lengths)
            pairs = p * (p - 1) / 2 + sum(r * (p - 1) + r * (r + 1) / 2 for r in lengths)
            copies = 1
        else:
            tokens = sum(p + r for r in lengths)
            pairs = sum((p + r) * (p + r + 1) / 2 for r in lengths)
        text += 2 * tokens * shape.layer_weights
        text += 4 * pairs * shape.attention_width * shape.num_layers
        text += 2 * sum(lengths) * shape.head_weights
        if prompt.image_grid_thw is not None and not prompt.image_features:
            vision += copies * _vision_flops(shape, prompt.image_grid_thw)
    return Flops(text=text, vision=vision)


def _vision_flops(shape: ModelShape, grids: Tensor) -> float:
    total = 0.0
    for time, height, width in grids.tolist():
        s = time * height * width
        seen = shape.vision_full_layers * height * width
        seen += shape.vision_window_layers * min(shape.window_patches, height * width)
        total += 2 * s * shape.block_weights + 4 * s * seen * shape.vision_width
        total += 2 * s / shape.merge * shape.projector_weights
    return total


def _weights(model: Any, counts: Callable[[str], bool]) -> int:
    """The number of weights in matrices whose names count; adapters come on top of the adapted."""
    return sum(p.numel() for n, p in model.named_parameters() if p.dim() > 1 and counts(n))
