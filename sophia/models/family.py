"""Everything the code has to know about a model family: the one place where families differ.

A family that is missing here still trains when ``sophia.models.exactness`` finds that naive rows
agree with the model's own forward pass; with an entry it trains on shared rows, without a probe.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

Part = Literal["vision", "projector"]

_SLIDING = "sliding_attention"  # transformers' names of kinds of layers
_FULL = "full_attention"
_ANGLES_OF_THE_BATCH = ("dynamic", "longrope")
"""Types of rotary angles that change for all sequences of a batch when the longest is long."""

_DECODER_LAYER = re.compile(r"\.layers\.\d+\.")


@dataclass(frozen=True, slots=True, kw_only=True)
class VisionTower:
    """Where a family keeps its vision tower, and what an image is to it.

    Args:
        attribute: the attribute of the model's body that is the tower.
        projector: modules of the tower that turn patches into tokens of the decoder.
        encoder: modules of the tower that do most of its work: its blocks and what feeds them.
    """

    attribute: str
    projector: tuple[str, ...]
    encoder: tuple[str, ...]

    @property
    def prefix(self) -> str:
        """How the names of the tower's parameters begin, as in ``model.visual.``."""
        return f"model.{self.attribute}."

    def part_of(self, name: str) -> Part | None:
        """The part that a parameter belongs to; None for the language model."""
        if self._is_in(self.projector, name):
            return "projector"
        return "vision" if name.startswith(self.prefix) else None

    def is_encoder(self, name: str) -> bool:
        """Whether a parameter belongs to what does most of the tower's work."""
        return self._is_in(self.encoder, name)

    def smallest_image(self, vision_config: Any) -> tuple[Tensor, Tensor]:
        """A black image of one token: its pixels (patches, patch_dim) and its grid (1, 3)."""
        side = vision_config.spatial_merge_size
        pixels = vision_config.temporal_patch_size * vision_config.patch_size**2
        values = torch.zeros(side * side, vision_config.in_channels * pixels)
        return values, torch.tensor([[1, side, side]])

    def _is_in(self, modules: tuple[str, ...], name: str) -> bool:
        return name.startswith(tuple(f"{self.prefix}{module}." for module in modules))


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFamily:
    """Models that are laid out, named and computed alike.

    Args:
        model_types: transformers' ``config.model_type`` of its members.
        exact_layers: kinds of decoder layers (transformers' ``layer_types``) for which group-shared
            rows are exact, as tests/models/test_architectures.py proves for each model type.
        tower: where its members keep their vision tower; None for language models.
        image_token: the token that stands in a prompt where an image is; None without images.
        media_tokens: tokens that stand for media, which a sampler must never draw.
        control_tokens: other tokens with a meaning of their own, which its tokenizer makes of their
            spelling in a question.
    """

    model_types: tuple[str, ...]
    exact_layers: frozenset[str] = frozenset({_FULL})
    tower: VisionTower | None = None
    image_token: str | None = None
    media_tokens: tuple[str, ...] = ()
    control_tokens: tuple[str, ...] = ()


FAMILIES = (
    ModelFamily(
        model_types=("qwen2_vl", "qwen2_5_vl", "qwen3_vl"),
        tower=VisionTower(
            attribute="visual",
            projector=("merger", "deepstack_merger_list"),
            encoder=("blocks", "patch_embed"),
        ),
        image_token="<|image_pad|>",
        media_tokens=(
            "<|image_pad|>", "<|video_pad|>", "<|vision_pad|>", "<|vision_start|>",
            "<|vision_end|>",
        ),
        control_tokens=("<|im_start|>", "<|im_end|>", "<|endoftext|>"),
    ),
    ModelFamily(
        model_types=("qwen2", "qwen3"),
        control_tokens=("<|im_start|>", "<|im_end|>", "<|endoftext|>"),
    ),
    ModelFamily(
        model_types=("llama", "mistral"),
        control_tokens=(
            "<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>",
            "<|eot_id|>",
        ),
    ),
)  # fmt: skip


def family_of(config: Any) -> ModelFamily | None:
    """The family of a model's configuration; None for a model type that is not known."""
    return next((f for f in FAMILIES if config.model_type in f.model_types), None)


def tower_of(config: Any) -> VisionTower | None:
    """How the models of a configuration keep their vision tower; None without one."""
    family = family_of(config)
    return None if family is None else family.tower


def vision_module(model: Any) -> Any:
    """The vision tower of a model with its projector; None for a language model."""
    tower = tower_of(model.config)
    return None if tower is None else getattr(model.model, tower.attribute, None)


def part_of(name: str, config: Any) -> Part | None:
    """The part that a parameter of this name belongs to; None for the language model."""
    tower = tower_of(config)
    return None if tower is None else tower.part_of(name)


def in_decoder_layer(name: str, config: Any) -> bool:
    """Whether a parameter of this name lies in a layer of the language model."""
    return part_of(name, config) is None and _DECODER_LAYER.search(name) is not None


def num_attending_layers(text_config: Any) -> int:
    """How many decoder layers let tokens look at each other in pairs: all but the linear ones."""
    kinds = getattr(text_config, "layer_types", None) or (_FULL,) * text_config.num_hidden_layers
    return sum(kind in (_FULL, _SLIDING) for kind in kinds)


def is_vision_weight(name: str) -> bool:
    """Whether a weight of this name belongs to the vision tower or projector of any family."""
    return any(name.startswith(family.tower.prefix) for family in FAMILIES if family.tower)


def media_tokens() -> tuple[str, ...]:
    """Tokens of all families that stand for media."""
    return tuple(dict.fromkeys(token for family in FAMILIES for token in family.media_tokens))


def image_tokens() -> tuple[str, ...]:
    """The placeholders for images of all families."""
    return tuple(dict.fromkeys(f.image_token for f in FAMILIES if f.image_token is not None))


def control_tokens() -> tuple[str, ...]:
    """Texts of which the tokenizer of some family makes a token with a meaning of its own."""
    own = (token for f in FAMILIES for token in (*f.control_tokens, *f.media_tokens))
    return tuple(dict.fromkeys(own))


def why_not_shared(config: Any) -> str | None:
    """Why group-shared rows are not exact for the models of a configuration; None when they are."""
    family = family_of(config)
    if family is None:
        return f"model type {config.model_type!r} is of no family in sophia/models/family.py"
    text = config.get_text_config()
    window = getattr(text, "sliding_window", None)
    kinds = set(getattr(text, "layer_types", None) or (_FULL if window is None else _SLIDING,))
    exact = set(family.exact_layers)
    if window is not None and window >= text.max_position_embeddings:
        exact.add(_SLIDING)  # no sequence is as long as the window
    others = sorted(kinds - exact)
    if others:
        return f"shared rows are not exact for layers of kind {', '.join(others)}"
    return None


def refuse_what_is_never_right(config: Any) -> None:
    """Raises ValueError for models that no layout of rows computes rightly, or none that we know.

    Those that see and are of no family, and those whose rotary angles depend on what else is in
    the batch.
    """
    if hasattr(config, "vision_config") and family_of(config) is None:
        raise ValueError(
            f"{config.model_type!r} is a vision-language model of no known family, so its images"
            " cannot be encoded. Add it to sophia/models/family.py (docs/recipes.md), or use its"
            " language model alone."
        )
    changing = sorted(set(_rope_types(config.get_text_config())) & set(_ANGLES_OF_THE_BATCH))
    if changing:
        raise ValueError(
            f"this {config.model_type!r} model has rotary angles of type {changing[0]!r}, which"
            " depend on the longest sequence of a batch: a completion would score differently"
            " beside others. Set rope_type to default, linear, yarn or llama3 in its config.json."
        )


def _rope_types(text_config: Any) -> Iterator[str]:
    """The types of rotary angles in the model; each kind of layer may have its own."""
    parameters = getattr(text_config, "rope_parameters", None) or {}
    for own in (parameters, *parameters.values()):
        if isinstance(own, dict) and "rope_type" in own:
            yield own["rope_type"]
