"""A Qwen2.5-VL of about one million parameters with its own tokenizer, in Hugging Face format."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    GenerationConfig,
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
)
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

_SPECIAL = (
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>",
    "<|vision_pad|>", "<|image_pad|>", "<|video_pad|>",
)  # fmt: skip

_CHAT_TEMPLATE = """\
{%- for message in messages -%}
<|im_start|>{{ message.role }}
{% for part in message.content -%}
{%- if part.type == 'image' -%}<|vision_start|><|image_pad|><|vision_end|>
{%- else -%}{{ part.text }}{%- endif -%}
{%- endfor -%}
<|im_end|>
{% endfor -%}
{%- if add_generation_prompt -%}
<|im_start|>assistant
{% endif -%}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class TinyQwen25VL:
    """The shape of the built-in model.

    Patches have sides of 14 pixels, and 2 x 2 of them are merged into a token.

    Args:
        seed: decides the first weights.
        vocab_size: the most tokens that the tokenizer may learn, special ones included.
        hidden_size: width of the language model, a multiple of ``num_heads``.
        num_layers: how many layers the language model has.
        num_heads: attention heads of the language model.
        num_kv_heads: key and value heads of the language model, each shared by several heads.
        intermediate_size: width inside the language model's MLPs.
        vision_hidden_size: width of the vision tower; inside its MLPs it is twice as much.
        vision_layers: how many layers the vision tower has.
        vision_heads: attention heads of the vision tower.
        initializer_range: standard deviation of the first weights.
    """

    seed: int
    vocab_size: int
    hidden_size: int
    num_layers: int
    num_heads: int
    num_kv_heads: int
    intermediate_size: int
    vision_hidden_size: int
    vision_layers: int
    vision_heads: int
    initializer_range: float

    def save(self, folder: Path, *, corpus: Iterable[str]) -> None:
        """Write weights, tokenizer and image processor to a folder in Hugging Face format.

        Args:
            folder: where everything is written.
            corpus: the texts that the tokenizer learns its tokens from.
        """
        tokenizer = _train_tokenizer(corpus, self.vocab_size)
        config = self._config(tokenizer)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            model = Qwen2_5_VLForConditionalGeneration(config)
        model.generation_config = GenerationConfig(
            eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id
        )
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        _image_processor().save_pretrained(folder)

    def _config(self, tokenizer: PreTrainedTokenizerFast) -> Qwen2_5_VLConfig:
        ids = {token: tokenizer.convert_tokens_to_ids(token) for token in _SPECIAL}
        head_dim = self.hidden_size // self.num_heads
        time, height = head_dim // 8, head_dim * 3 // 16
        text = {
            "vocab_size": len(tokenizer),
            "hidden_size": self.hidden_size,
            "intermediate_size": self.intermediate_size,
            "num_hidden_layers": self.num_layers,
            "num_attention_heads": self.num_heads,
            "num_key_value_heads": self.num_kv_heads,
            "max_position_embeddings": 2048,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 10_000.0,
                "mrope_section": [time, height, head_dim // 2 - time - height],
            },
            "initializer_range": self.initializer_range,
            "bos_token_id": None,
            "eos_token_id": ids["<|im_end|>"],
            "pad_token_id": ids["<|endoftext|>"],
        }
        vision = {
            "depth": self.vision_layers,
            "hidden_size": self.vision_hidden_size,
            "out_hidden_size": self.hidden_size,
            "intermediate_size": 2 * self.vision_hidden_size,
            "num_heads": self.vision_heads,
            "patch_size": 14,
            "spatial_merge_size": 2,
            "temporal_patch_size": 2,
            "window_size": 112,
            "fullatt_block_indexes": list(range(self.vision_layers)),
            "initializer_range": self.initializer_range,
        }
        return Qwen2_5_VLConfig(
            text_config=text,
            vision_config=vision,
            tie_word_embeddings=True,
            image_token_id=ids["<|image_pad|>"],
            video_token_id=ids["<|video_pad|>"],
            vision_start_token_id=ids["<|vision_start|>"],
            vision_end_token_id=ids["<|vision_end|>"],
            eos_token_id=ids["<|im_end|>"],
            pad_token_id=ids["<|endoftext|>"],
        )


def _train_tokenizer(corpus: Iterable[str], vocab_size: int) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer with Qwen's special tokens, and its chat template in short."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=list(_SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(corpus, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        chat_template=_CHAT_TEMPLATE,
        clean_up_tokenization_spaces=False,
    )


def _image_processor() -> Qwen2VLImageProcessorPil:
    """An image processor that keeps the size of images of one token (28 x 28 pixels) to 256."""
    return Qwen2VLImageProcessorPil(
        size={"shortest_edge": 28 * 28, "longest_edge": 256 * 28 * 28},
        patch_size=14,
        merge_size=2,
        temporal_patch_size=2,
    )
