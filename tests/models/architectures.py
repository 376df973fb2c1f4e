"""Tiny checkpoints of every known architecture and of some others, in files as real ones have."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoTokenizer,
    Gemma2Config,
    Gemma2ForCausalLM,
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    GenerationConfig,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen2VLConfig,
    Qwen2VLForConditionalGeneration,
    Qwen3_5ForCausalLM,
    Qwen3_5TextConfig,
    Qwen3Config,
    Qwen3ForCausalLM,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
)

ARCHITECTURES = ("qwen2_5_vl", "qwen2_vl", "qwen3_vl", "qwen2", "qwen3", "llama", "mistral")
"""The model types of sophia/models/family.py: shared rows are exact for them."""

VISION = ARCHITECTURES[:3]

OTHERS = ("gemma3_text", "qwen3_5_text", "qwen2_window", "mistral_window", "qwen2_5_vl_window")
"""Not exact on shared rows: unknown families, and known ones with a window that bites."""


def save_architecture(name: str, folder: Path, *, tiny: Path, tied: bool = False) -> Path:
    """Random weights in several files with an index; tokenizer and images as the tiny model's."""
    tokenizer = AutoTokenizer.from_pretrained(tiny)
    ids = {t: tokenizer.convert_tokens_to_ids(t) for t in ("<|image_pad|>", "<|video_pad|>",
           "<|vision_start|>", "<|vision_end|>")}  # fmt: skip
    model = _MODELS[name](len(tokenizer), ids, tied)
    model.generation_config = GenerationConfig(
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id
    )
    model.save_pretrained(folder, max_shard_size="60KB")
    for file in tiny.iterdir():
        images = file.name == "preprocessor_config.json"
        if not (folder / file.name).exists() and file.suffix != ".safetensors":
            if images and not name.startswith(VISION):
                continue
            shutil.copy(file, folder)
    return folder


def _text(vocab_size: int, *, mrope: list[int] | None) -> dict[str, Any]:
    rope: dict[str, Any] = {"rope_type": "default", "rope_theta": 10_000.0}
    if mrope:
        rope["mrope_section"] = mrope
    return {
        "vocab_size": vocab_size,
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "max_position_embeddings": 2048,
        "rope_parameters": rope,
        "initializer_range": 0.08,
        "bos_token_id": None,
        "eos_token_id": None,
        "pad_token_id": None,
    }


def _multimodal(ids: dict[str, int], tied: bool) -> dict[str, Any]:
    return {
        "image_token_id": ids["<|image_pad|>"],
        "video_token_id": ids["<|video_pad|>"],
        "vision_start_token_id": ids["<|vision_start|>"],
        "vision_end_token_id": ids["<|vision_end|>"],
        "tie_word_embeddings": tied,
    }


def _seeded(build: Any) -> Any:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return build()


_Builder = Callable[[int, dict[str, int], bool], Any]


def _qwen2_5_vl(vocab_size: int, ids: dict[str, int], tied: bool, **of_text: Any) -> Any:
    vision = {
        "depth": 2, "hidden_size": 32, "out_hidden_size": 64, "intermediate_size": 48,
        "num_heads": 2, "patch_size": 14, "window_size": 56, "fullatt_block_indexes": [1],
        "initializer_range": 0.08,
    }  # fmt: skip
    text = {**_text(vocab_size, mrope=[2, 3, 3]), **of_text}
    config = Qwen2_5_VLConfig(text_config=text, vision_config=vision, **_multimodal(ids, tied))
    return _seeded(lambda: Qwen2_5_VLForConditionalGeneration(config))


def _qwen2_vl(vocab_size: int, ids: dict[str, int], tied: bool) -> Any:
    vision = {
        "depth": 2, "embed_dim": 32, "hidden_size": 64, "mlp_ratio": 2, "num_heads": 2,
        "patch_size": 14, "initializer_range": 0.08,
    }  # fmt: skip
    text = _text(vocab_size, mrope=[2, 3, 3])
    config = Qwen2VLConfig(text_config=text, vision_config=vision, **_multimodal(ids, tied))
    return _seeded(lambda: Qwen2VLForConditionalGeneration(config))


def _qwen3_vl(vocab_size: int, ids: dict[str, int], tied: bool) -> Any:
    vision = {
        "depth": 3, "hidden_size": 32, "out_hidden_size": 64, "intermediate_size": 48,
        "num_heads": 2, "patch_size": 14, "num_position_embeddings": 64,
        "deepstack_visual_indexes": [0, 1], "initializer_range": 0.08,
    }  # fmt: skip
    text = _text(vocab_size, mrope=[2, 3, 3])
    config = Qwen3VLConfig(text_config=text, vision_config=vision, **_multimodal(ids, tied))
    return _seeded(lambda: Qwen3VLForConditionalGeneration(config))


def _language_model(config: type[Any], model: type[Any], **settings: Any) -> _Builder:
    def build(vocab_size: int, ids: dict[str, int], tied: bool) -> Any:
        own = {**_text(vocab_size, mrope=None), "tie_word_embeddings": tied, **settings}
        return _seeded(lambda: model(config(**own)))

    return build


_QWEN2_WINDOW = {"use_sliding_window": True, "sliding_window": 4, "max_window_layers": 1}


def _qwen2_5_vl_window(vocab_size: int, ids: dict[str, int], tied: bool) -> Any:
    return _qwen2_5_vl(vocab_size, ids, tied, **_QWEN2_WINDOW)


_LINEAR = {
    "layer_types": ["linear_attention", "full_attention", "linear_attention"],
    "linear_key_head_dim": 16, "linear_value_head_dim": 16,
    "linear_num_key_heads": 2, "linear_num_value_heads": 4,
}  # fmt: skip
_GEMMA = {"query_pre_attn_scalar": 16, "sliding_window": 4, "pad_token_id": 0}
_GEMMA_ROPES = {
    "sliding_attention": {"rope_type": "default", "rope_theta": 10_000.0},
    "full_attention": {"rope_type": "default", "rope_theta": 1_000_000.0},
}

_MODELS: dict[str, _Builder] = {
    "qwen2_5_vl": _qwen2_5_vl,
    "qwen2_vl": _qwen2_vl,
    "qwen3_vl": _qwen3_vl,
    "qwen2": _language_model(Qwen2Config, Qwen2ForCausalLM),
    "qwen3": _language_model(Qwen3Config, Qwen3ForCausalLM),
    "llama": _language_model(LlamaConfig, LlamaForCausalLM),
    "mistral": _language_model(MistralConfig, MistralForCausalLM, sliding_window=None),
    "gemma2": _language_model(Gemma2Config, Gemma2ForCausalLM, **_GEMMA),
    "gemma3_text": _language_model(
        Gemma3TextConfig, Gemma3ForCausalLM, rope_parameters=_GEMMA_ROPES, **_GEMMA,
        layer_types=["sliding_attention", "full_attention", "sliding_attention"],
    ),
    "qwen3_5_text": _language_model(Qwen3_5TextConfig, Qwen3_5ForCausalLM, **_LINEAR),
    "qwen2_window": _language_model(Qwen2Config, Qwen2ForCausalLM, **_QWEN2_WINDOW),
    "mistral_window": _language_model(MistralConfig, MistralForCausalLM, sliding_window=4),
    "qwen2_5_vl_window": _qwen2_5_vl_window,
}  # fmt: skip
